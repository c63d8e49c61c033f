import { hostDocument } from "../incus/document.ts";
import { readScript } from "../shell/read-script.ts";
import { say, type ReachableHost } from "./host-shell.ts";

/** A container, and the way to it. */
export interface ContainerSite {
  readonly host: ReachableHost;
  readonly project: string;
  readonly container: string;
}

/** What a program in a container said, and how it ended. */
export interface Said {
  readonly exitCode: number;
  /** Standard output and standard error, in the order they came. */
  readonly text: string;
  /** False: Incus lost some of it on the way. The exit code is right in any case. */
  readonly isWhole: boolean;
}

/**
 * Runs one of the programs that this project puts into containers, with a time limit.
 * @param program its name in /usr/local/lib/veza
 * @param words no line breaks in any of them
 * @throws HostError when the host or the container cannot be reached, or it does not end in time
 */
export async function runProgram(
  { host, project, container }: ContainerSite,
  program: string,
  words: readonly string[],
  limitSeconds: number,
): Promise<Said> {
  const document = hostDocument({
    parameters: {
      PROJECT: project,
      CONTAINER: container,
      WORDS: [`/usr/local/lib/veza/${program}`, ...words].join("\n"),
      LIMIT: limitSeconds,
    },
    script: [
      readScript(new URL("../incus/", import.meta.url).href, "about-container.sh"),
      readScript(import.meta.url, "container-program.sh"),
    ].join(""),
  });
  return readSaid(await say(host, document, "run", limitSeconds + 70));
}

/** Reads what container-program.sh printed. */
export function readSaid(printed: string): Said {
  const lines = printed.trimEnd().split("\n");
  const exitCode = Number(lines.pop());
  // The line break in front of the status is there for words that end without one.
  if (lines.at(-1) === "") lines.pop();
  const isWhole = lines.at(-1) === "end";
  if (isWhole) lines.pop();
  return { exitCode, text: lines.join("\n"), isWhole };
}
