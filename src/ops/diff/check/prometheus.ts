import { join } from "node:path";
import { said, type Checker, type Problem } from "./checker.ts";

/** Prometheus' configuration, and its alerting and recording rules, by where they lie. */
export const prometheusChecker: Checker = {
  name: "promtool",
  program: "promtool",
  versionWords: ["--version"],
  install: "Debian's package prometheus",
  matches: ({ path }) => isConfiguration(path) || /\/prometheus\/.*rules.*\.ya?ml$/.test(path),
  async problems({ container, root, checked }, limitMs) {
    const found = await Promise.all(
      checked.map(async ({ path }) => {
        // Rules have an answer of their own.
        const words = isConfiguration(path) ? ["config", "--syntax-only"] : ["rules"];
        const { text, ok } = await said("promtool", ["check", ...words, join(root, path)], limitMs);
        return ok ? [] : [complaint(container, path, text.replaceAll(root, ""))];
      }),
    );
    return found.flat();
  },
};

function isConfiguration(path: string): boolean {
  return path.endsWith("/prometheus/prometheus.yml");
}

/** In promtool's words, without those that only say what it looked at. */
export function complaint(container: string, path: string, text: string): Problem {
  const message = text
    .split("\n")
    .map((line) => line.trim().replace(`${path}: `, ""))
    .filter((line) => !/^(Checking \/|FAILED:$|SUCCESS)/.test(line) && line !== "")
    .join("\n");
  const line = /(?:^|\bline )(\d+):/m.exec(message)?.[1];
  const key = path.endsWith("/rules/extra.yml") ? " (from veza-monitoring:extraRules)" : "";
  return { container, path, ...(line !== undefined && { line: Number(line) }), message: message + key };
}
