import { createHash } from "node:crypto";
import { assignments, delimiterFor } from "../shell/quote.ts";
import { readScript } from "../shell/read-script.ts";

/** What is said to a host, on standard input of `bash -euo pipefail -s apply|delete`. */
export interface HostScript {
  readonly parameters: Readonly<Record<string, string | number>>;
  /** Shell that defines `main`; runs as root on the host. */
  readonly script: string;
}

/** What is said to a container through its host. */
export interface ContainerScript {
  readonly project: string;
  readonly container: string;
  readonly unit: string;
  /** Seconds after which the script is stopped. */
  readonly limitSeconds: number;
  /** The script that runs inside, as `bash -euo pipefail -s apply|delete` reads it. */
  readonly body: string;
}

/** Everything is defined first and called on the last line, so a text that was cut off does nothing. */
export function hostDocument({ parameters, script }: HostScript): string {
  return `${assignments(parameters)}${script}main "$@"\n`;
}

export function containerDocument(said: ContainerScript): string {
  const body = said.body.endsWith("\n") ? said.body : `${said.body}\n`;
  const delimiter = delimiterFor(body, "END_OF_BODY");
  const { project, container, unit, limitSeconds } = said;
  return [
    assignments({ PROJECT: project, CONTAINER: container, UNIT: unit, LIMIT: limitSeconds }),
    `IFS= read -r -d '' BODY <<'${delimiter}' || :\n${body}${delimiter}\n`,
    readScript(import.meta.url, "exec.sh"),
    'main "$@"\n',
  ].join("");
}

const header =
  /^PROJECT='([^']*)'\nCONTAINER='([^']*)'\nUNIT='([^']*)'\nLIMIT='(\d+)'\nIFS= read -r -d '' BODY <<'(\w+)' \|\| :\n/;

/** Reads a container's document back, e.g. from the stack's state; undefined for anything else. */
export function readContainerDocument(text: string): ContainerScript | undefined {
  const match = header.exec(text);
  if (!match) return undefined;
  const [whole, project = "", container = "", unit = "", limit = "", delimiter = ""] = match;
  const end = text.indexOf(`\n${delimiter}\n`, whole.length - 1);
  if (end < 0) return undefined;
  return { project, container, unit, limitSeconds: Number(limit), body: text.slice(whole.length, end + 1) };
}

/** What a container remembers of a unit that was applied: exec.sh computes the same from what it was given. */
export function unitDigest(body: string): string {
  return createHash("sha256").update(body).digest("hex").slice(0, 32);
}
