import { describe, expect, it } from "@jest/globals";
import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../../", import.meta.url));
const page = readFileSync(`${repository}docs/letsencrypt.md`, "utf8");
const sources = globSync(
  ["src/{letsencrypt,incus,ops,ops/certificates}/*.{sh,ts}", "templates/usr/local/lib/veza/**/*.sh"],
  { cwd: repository },
)
  .map((file) => readFileSync(`${repository}${file}`, "utf8"))
  .join("\n");

/** The messages that the tables of a page explain: what stands between backticks in the first cell of a row. */
function explained(text: string): readonly string[] {
  const [, tables = ""] = text.split("\n## When it says\n");
  return tables
    .split("\n")
    .flatMap((line) => /^\| (`.*?) +\|/.exec(line)?.[1] ?? [])
    .flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, message = ""]) => message));
}

/** What of a message is the same each time. */
function fixedParts(message: string): readonly string[] {
  return message
    .split(/…|\b\d+(?:\.[\d.:]+)?\b/)
    .map((part) => part.trim())
    .filter((part) => part.length > 3);
}

describe("the page on certificates", () => {
  it.each(explained(page).map((message) => [message]))("explains a message that there is: %s", (message) => {
    expect(fixedParts(message)).not.toEqual([]);
    expect(fixedParts(message).filter((part) => !sources.includes(part))).toEqual([]);
  });

  it("explains more than a handful", () => {
    expect(explained(page).length).toBeGreaterThan(30);
  });
});
