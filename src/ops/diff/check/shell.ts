import { join } from "node:path";
import { z } from "zod";
import { CannotCheck, said, type Checker } from "./checker.ts";

const answer = z.object({
  comments: z.array(
    z.object({
      file: z.string(),
      line: z.number(),
      level: z.string(),
      code: z.number(),
      message: z.string(),
    }),
  ),
});

/** Every shell script that lands in a container. */
export const shellChecker: Checker = {
  name: "shellcheck",
  program: "shellcheck",
  versionWords: ["--version"],
  install: "Debian's package shellcheck",
  matches: ({ path, content }) => path.endsWith(".sh") || /^#!.*\b(ba|da)?sh\b/.test(content),
  async problems({ container, root, checked }, limitMs) {
    const { text } = await said(
      "shellcheck",
      ["--norc", "--format=json1", ...checked.map(({ path }) => join(root, path))],
      limitMs,
    );
    if (!text.startsWith("{")) throw new CannotCheck(`shellcheck: ${text}`);
    return answer.parse(JSON.parse(text)).comments.map(({ file, line, code, message }) => ({
      container,
      path: file.slice(root.length),
      line,
      message: `SC${String(code)}: ${message}`,
    }));
  },
};
