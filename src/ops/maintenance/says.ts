import { hostDocument } from "../../incus/document.ts";
import { readScript } from "../../shell/read-script.ts";
import { say } from "../host-shell.ts";
import { sectionsOf } from "../postgres/sections.ts";
import { hostsOf, type MaintenanceSite, type Place } from "./site.ts";

/** What came of something that a container was told. */
export interface Answer {
  readonly container: string;
  /** `absent`: it has nothing that this could be done with, yet. */
  readonly end: "done" | "absent" | "failed";
  /** What it said, or why it could not be told. */
  readonly text: string;
}

/** A script that is run inside a container (see there), and its arguments. */
export interface Call {
  readonly at: Place;
  readonly words: readonly string[];
}

/** Seconds around the calls: the containers are listed, and ssh has to get through. */
const aroundSeconds = 60;
const noteSeconds = 60;

/**
 * Runs a script inside containers, all at the same time.
 * @param limitSeconds for each of them
 * @returns an answer for each call, in their order; also for those whose host cannot be reached
 */
export async function inEach(
  site: MaintenanceSite,
  script: "load-balancer.sh" | "service.sh",
  calls: readonly Call[],
  limitSeconds: number,
): Promise<readonly Answer[]> {
  const answers = await Promise.all(
    [...Map.groupBy(calls, ({ at }) => at.host)].map(([host, there]) =>
      onHost(site, host, script, there, limitSeconds),
    ),
  );
  const byName = new Map(answers.flat().map((answer) => [answer.container, answer]));
  return calls.map(
    ({ at }) =>
      byName.get(at.name) ?? { container: at.name, end: "failed", text: `${at.host} said nothing about it` },
  );
}

async function onHost(
  site: MaintenanceSite,
  host: string,
  script: string,
  calls: readonly Call[],
  limitSeconds: number,
): Promise<readonly Answer[]> {
  const document = hostDocument({
    parameters: {
      PROJECT: site.project,
      CALLS: calls.map(({ at, words }) => [at.name, ...words].join(" ")).join("\n"),
      LIMIT: limitSeconds,
      INSIDE: readScript(import.meta.url, script),
    },
    script: readScript(import.meta.url, "each.sh"),
  });
  try {
    return readAnswers(await say(site.host(host), document, "each", limitSeconds + aroundSeconds));
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return calls.map(({ at }) => ({ container: at.name, end: "failed", text }));
  }
}

/** Reads what each.sh printed. */
export function readAnswers(printed: string): readonly Answer[] {
  return sectionsOf(printed).map(({ title, body }) => {
    const [container = "", status = ""] = title.split(" ");
    const end = status === "0" ? "done" : status === "4" ? "absent" : "failed";
    return { container, end, text: body.trim() };
  });
}

/**
 * Has every host keep what its containers to come have to be told, or forget it.
 * @param value undefined: forget it
 * @returns what went wrong, in words
 */
export async function note(
  site: MaintenanceSite,
  name: string,
  value: string | undefined,
): Promise<readonly string[]> {
  const script = readScript(import.meta.url, "note.sh");
  const parameters = { PROJECT: site.project, NAME: name, VALUE: value ?? "" };
  const failures = await Promise.all(
    hostsOf(site).map(async (host): Promise<string[]> => {
      try {
        await say(site.host(host), hostDocument({ parameters, script }), "note", noteSeconds);
        return [];
      } catch (error) {
        return [`host ${host}: ${error instanceof Error ? error.message : String(error)}`];
      }
    }),
  );
  return failures.flat();
}
