import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { filesBody, filesOf } from "../../src/incus/files-body.ts";
import { quote } from "../../src/shell/quote.ts";
import { execaSync } from "execa";

const line = fc.string({ unit: fc.constantFrom("a", "'", '"', "$", "\\", "`", " ", "E", "é", "#", "<") });
const content = fc
  .array(fc.oneof(line, fc.constant("END_OF_FILE"), fc.constant("END_OF_FILE_2"), fc.constant("}")))
  .map((lines) => lines.map((l) => `${l}\n`).join("") || "\n");

describe("a unit of files", () => {
  it("is read back whole, whatever the files contain", () => {
    fc.assert(
      fc.property(fc.array(content, { maxLength: 4 }), (contents) => {
        const files = contents.map((text, n) => ({
          path: `/etc/f${String(n)}`,
          content: text,
          mode: "0644",
          owner: "root:root",
        }));
        expect(filesOf(filesBody({ unit: "u", files }))).toEqual(files);
      }),
    );
  });

  it("refuses a file without a final newline, with a NUL byte, or listed twice", () => {
    const file = { path: "/etc/a", content: "x\n", mode: "0644", owner: "root:root" };
    expect(() => filesBody({ unit: "u", files: [{ ...file, content: "x" }] })).toThrow(/newline/);
    expect(() => filesBody({ unit: "u", files: [{ ...file, content: "\0\n" }] })).toThrow(/NUL/);
    expect(() => filesBody({ unit: "u", files: [file, file] })).toThrow(/twice/);
  });
});

describe("shell quoting", () => {
  it("gives back every word through a real shell", () => {
    const words = fc.sample(
      fc.string({ unit: "grapheme" }).filter((w) => !w.includes("\0")),
      200,
    );
    const script = words.map((w) => `printf '%s\\0' ${quote(w)}\n`).join("");
    const { stdout } = execaSync("bash", ["-s"], { input: script, stripFinalNewline: false });
    expect(stdout.split("\0").slice(0, -1)).toEqual(words);
  });
});
