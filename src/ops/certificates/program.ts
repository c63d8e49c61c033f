import { hostDocument } from "../../incus/document.ts";
import { readScript } from "../../shell/read-script.ts";
import { say, type ReachableHost } from "../host-shell.ts";

/** A load balancer's container, and the way to it. */
export interface Issuer {
  readonly host: ReachableHost;
  readonly project: string;
  readonly container: string;
}

/** What the program `certificates` in a container said, and how it ended. */
export interface Said {
  readonly exitCode: number;
  /** Standard output and standard error, in the order they came. */
  readonly text: string;
  /** False: Incus lost some of it on the way. The exit code is right in any case. */
  readonly isWhole: boolean;
}

/**
 * Runs `certificates WORDS` in a container, with a time limit.
 * @throws HostError when the host or the container cannot be reached, or it does not end in time
 */
export async function runCertificates(
  { host, project, container }: Issuer,
  words: readonly string[],
  limitSeconds: number,
): Promise<Said> {
  const document = hostDocument({
    parameters: { PROJECT: project, CONTAINER: container, WORDS: words.join("\n"), LIMIT: limitSeconds },
    script: [
      readScript(new URL("../../incus/", import.meta.url).href, "about-container.sh"),
      readScript(import.meta.url, "program.sh"),
    ].join(""),
  });
  return readSaid(await say(host, document, "certificates", limitSeconds + 70));
}

/** Reads what program.sh printed. */
export function readSaid(printed: string): Said {
  const lines = printed.trimEnd().split("\n");
  const exitCode = Number(lines.pop());
  // The line break in front of the status is there for words that end without one.
  if (lines.at(-1) === "") lines.pop();
  const isWhole = lines.at(-1) === "end";
  if (isWhole) lines.pop();
  return { exitCode, text: lines.join("\n"), isWhole };
}
