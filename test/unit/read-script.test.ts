import { expect, it } from "@jest/globals";
import { execa } from "execa";
import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readScript, withoutComments } from "../../src/shell/read-script.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const folders = "{src,stacks,templates/usr/local/lib/veza/haproxy.d/socket,test,tools,bench}";
const scripts = globSync(`${folders}{/**/*,}.sh`, { cwd: root });

/** As bash has read it: without comments, and laid out its own way. */
async function parsed(text: string): Promise<string> {
  const read = await execa("bash", ["-c", 'eval "script() {\n$(cat)\n}"; declare -f script'], {
    input: text,
  });
  return read.stdout;
}

it.each(scripts)("%s says the same without its comments", async (name) => {
  const text = readFileSync(`${root}${name}`, "utf8").replace(/^#!.*\n/, "");
  expect(await parsed(withoutComments(text))).toBe(await parsed(text));
});

it("a comment is nothing that a host is told, a program is left as it is", () => {
  const exec = readScript(new URL("../../src/incus/", import.meta.url).href, "exec.sh");
  expect(exec).toContain("main");
  expect(exec).not.toMatch(/^\s*#/m);
  const leave = readScript(new URL("../../src/fleet/", import.meta.url).href, "leave.sh");
  expect(leave).toMatch(/^#!\/bin\/sh\n# /);
  // Only whole lines: what begins within one may be part of a word.
  expect(withoutComments("a=${b#c} # d\n\t# e\nf\n")).toBe("a=${b#c} # d\nf\n");
});
