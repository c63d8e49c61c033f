import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { declaredIn, filesBody, filesOf } from "../../src/incus/files-body.ts";
import { assignments, quote, readAssignments } from "../../src/shell/quote.ts";
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

  it("tells its directories and users, and takes no line of a file for one", () => {
    const directories = [{ path: "/etc/veza", mode: "0750", owner: "root:root" }];
    const users = [{ name: "veza-api", home: "/opt/veza/api" }];
    const content = "directory '/etc/other' '0755' 'root:root'\nuser 'other' '/'\n";
    const files = [{ path: "/etc/a", content, mode: "0644", owner: "root:root" }];
    expect(declaredIn(filesBody({ unit: "u", users, directories, files }))).toEqual({ directories, users });
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

  it("reads assignments back, whatever they hold, and ends where they end", () => {
    const value = fc.string({ unit: fc.constantFrom("a", "'", '"', "\\", "=", "\n", " ", "$") });
    fc.assert(
      fc.property(fc.array(value, { maxLength: 4 }), (values) => {
        const variables = Object.fromEntries(values.map((one, n) => [`V${String(n)}`, one]));
        const rest = 'main() { :; }\nA="b"\n';
        expect(readAssignments(`${assignments(variables)}${rest}`)).toEqual({ values: variables, rest });
      }),
    );
  });
});
