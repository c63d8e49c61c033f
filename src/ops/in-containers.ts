import { hostDocument, type HostScript } from "../incus/document.ts";
import { assignments } from "../shell/quote.ts";
import { readScript } from "../shell/read-script.ts";
import { say, type ReachableHost } from "./host-shell.ts";

/** What is run inside a container: its script defines `main`, and finds nothing on standard input. */
export interface Call {
  readonly container: string;
  readonly run: HostScript;
}

/** What came of it. */
export interface Answer {
  readonly container: string;
  /** Of the container, in Incus' words (`RUNNING`, `STOPPED`); empty where there is none. */
  readonly state: string;
  /** What the script ended with, or whoever could not run it. */
  readonly exitCode: number;
  /** False: it did not come to its end, or Incus lost some of what it said. The exit code is right in any case. */
  readonly isWhole: boolean;
  /** What it printed, without blanks at the end. */
  readonly text: string;
  /** What it said on standard error, or in a line why it could not be run, or not to its end. */
  readonly complaint: string;
}

export interface Limits {
  /** Seconds that each script has. */
  readonly eachSeconds: number;
  /** Seconds that all of them have, with what goes around them. */
  readonly allSeconds: number;
  /** How many run at the same time. @default all of them */
  readonly atOnce?: number;
  /** How often a script is run of which Incus lost what it said. @default 3 */
  readonly tries?: number;
}

/**
 * Runs scripts inside containers of a host, at the same time.
 * @returns an answer for each call, in their order, also for containers that do not run or are not there
 * @throws HostError when the host cannot be reached, Incus does not answer there, or not all end in time
 */
export async function inContainers(
  host: ReachableHost,
  project: string,
  calls: readonly Call[],
  { eachSeconds, allSeconds, atOnce = calls.length, tries = 3 }: Limits,
): Promise<readonly Answer[]> {
  if (calls.length === 0) return [];
  const scripts = calls.map(({ run }, n): [string, string] => [
    `SCRIPT_${String(n + 1)}`,
    assignments(run.parameters) + run.script,
  ]);
  const document = hostDocument({
    parameters: {
      PROJECT: project,
      CONTAINERS: calls.map(({ container }) => container).join(" "),
      AT_ONCE: atOnce,
      TRIES: tries,
      LIMIT: eachSeconds,
      ...Object.fromEntries(scripts),
    },
    script: readScript(import.meta.url, "in-containers.sh"),
  });
  return readAnswers(await say(host, document, "run", allSeconds));
}

/** Whether a script came to its end, ended well, and all that it said is here. */
export function isDone({ exitCode, isWhole }: Pick<Answer, "exitCode" | "isWhole">): boolean {
  return exitCode === 0 && isWhole;
}

/** Reads what in-containers.sh printed. */
function readAnswers(printed: string): readonly Answer[] {
  return printed
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [container = "", state = "", status = "", whole = "", text = "", complaint = ""] =
        line.split(" ");
      return {
        container,
        state: state === "-" ? "" : state,
        exitCode: Number(status),
        isWhole: whole === "whole",
        text: decoded(text),
        complaint: decoded(complaint),
      };
    });
}

function decoded(base64: string): string {
  return Buffer.from(base64, "base64").toString("utf8").trimEnd();
}
