import { readScript } from "../shell/read-script.ts";
import { HostError, type ReachableHost } from "./host-shell.ts";
import { inContainers, type Answer } from "./in-containers.ts";

/** A container, and the way to it. */
export interface ContainerSite {
  readonly host: ReachableHost;
  readonly project: string;
  readonly container: string;
}

/** What a program in a container said, standard output and standard error in the order they came, and how it ended. */
export type Said = Pick<Answer, "exitCode" | "text" | "isWhole">;

/** Seconds around the program: ssh has to get through, and Incus is asked about a container that does not run it. */
const aroundSeconds = 70;

/**
 * Runs one of the programs that this project puts into containers, once, with a time limit.
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
  const path = `/usr/local/lib/veza/${program}`;
  const run = {
    parameters: { WORDS: [path, ...words].join("\n") },
    script: readScript(import.meta.url, "container-program.sh"),
  };
  const limits = { eachSeconds: limitSeconds, allSeconds: limitSeconds + aroundSeconds, tries: 1 };
  const [answer] = await inContainers(host, project, [{ container, run }], limits);
  if (answer === undefined) throw new RangeError("one call has one answer");
  const why = whyNot(answer, path, [program, ...words].join(" "), limitSeconds);
  if (why !== undefined) throw new HostError(host, `${project}/${container}: ${why}`);
  return answer;
}

/** Why a program was not run, or not to its end. */
function whyNot(
  { state, exitCode, isWhole, complaint, container }: Answer,
  path: string,
  called: string,
  limitSeconds: number,
): string | undefined {
  if (state !== "RUNNING") return complaint;
  if (exitCode === 127)
    return `this container has no program ${path}: the update that brings it did not get that far. bin/pulumi up does it`;
  if (!isWhole && [124, 137].includes(exitCode))
    return `'${called}' did not end within ${String(limitSeconds)} s. It may still be at work there: bin/veza logs ${container} --unit '*' shows what came of it`;
  return isWhole || exitCode === 0 || complaint === "" ? undefined : complaint;
}
