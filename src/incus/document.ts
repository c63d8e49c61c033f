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
  /** A file of the host that has to be in the container before the script runs. */
  readonly push?: { readonly from: string; readonly to: string };
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
  const { project, container, unit, limitSeconds, push } = said;
  return [
    assignments({ PROJECT: project, CONTAINER: container, UNIT: unit, LIMIT: limitSeconds }),
    push === undefined ? "" : assignments({ PUSH_FROM: push.from, PUSH_TO: push.to }),
    `IFS= read -r -d '' BODY <<'${delimiter}' || :\n${body}${delimiter}\n`,
    readScript(import.meta.url, "about-container.sh"),
    readScript(import.meta.url, "exec.sh"),
    'main "$@"\n',
  ].join("");
}

const header =
  /^PROJECT='([^']*)'\nCONTAINER='([^']*)'\nUNIT='([^']*)'\nLIMIT='(\d+)'\n(?:PUSH_FROM='([^']*)'\nPUSH_TO='([^']*)'\n)?IFS= read -r -d '' BODY <<'(\w+)' \|\| :\n/;

/** Reads a container's document back, e.g. from the stack's state; undefined for anything else. */
export function readContainerDocument(text: string): ContainerScript | undefined {
  const match = header.exec(text);
  if (!match) return undefined;
  const [whole, project = "", container = "", unit = "", limit = "", from, to, delimiter = ""] = match;
  const end = text.indexOf(`\n${delimiter}\n`, whole.length - 1);
  if (end < 0) return undefined;
  const push = from === undefined || to === undefined ? {} : { push: { from, to } };
  return {
    project,
    container,
    unit,
    limitSeconds: Number(limit),
    ...push,
    body: text.slice(whole.length, end + 1),
  };
}

/** What a container remembers of a unit that was applied: exec.sh computes the same from what it was given. */
export function unitDigest(body: string): string {
  return createHash("sha256").update(body).digest("hex").slice(0, 32);
}
