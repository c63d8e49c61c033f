import { join } from "node:path";
import { said, type Checker } from "./checker.ts";

/** Prometheus' alerting and recording rules, by where they lie. */
export const rulesChecker: Checker = {
  name: "promtool",
  program: "promtool",
  versionWords: ["--version"],
  install: "Debian's package prometheus",
  matches: ({ path }) => /\/prometheus\/.*rules.*\.ya?ml$/.test(path),
  async problems({ container, root, checked }, limitMs) {
    const found = await Promise.all(
      checked.map(async ({ path }) => {
        const { text, ok } = await said("promtool", ["check", "rules", join(root, path)], limitMs);
        return ok ? [] : [{ container, path, message: text.replaceAll(root, "").trim() }];
      }),
    );
    return found.flat();
  },
};
