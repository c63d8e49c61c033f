import { closedMap, servicesStopped } from "../../config/maintenance.ts";
import { socketScript } from "../../haproxy/socket.ts";
import { hostDocument, type HostScript } from "../../incus/document.ts";
import { readScript } from "../../shell/read-script.ts";
import { say } from "../host-shell.ts";
import { inContainers, isDone, type Answer as Heard } from "../in-containers.ts";
import { hostsOf, type MaintenanceSite, type Place } from "./site.ts";

/** What came of something that a container was told. */
export interface Answer {
  readonly container: string;
  /** `absent`: it has nothing that this could be done with, yet. */
  readonly end: "done" | "absent" | "failed";
  /** What it said, or why it could not be told. */
  readonly text: string;
}

/** A script that is run inside a container (see there), and what it is told. */
interface Call {
  readonly at: Place;
  readonly script: "load-balancer.sh" | "service.sh";
  readonly parameters: HostScript["parameters"];
}

/** The same for every load balancer. */
export function balancers(site: MaintenanceSite, what: HostScript["parameters"]): readonly Call[] {
  const parameters = { MAP: closedMap, ...what };
  return site.loadBalancers.map((at) => ({ at, script: "load-balancer.sh", parameters }));
}

/** The same for every instance. */
export function services(site: MaintenanceSite, verb: "stop" | "start" | "look"): readonly Call[] {
  return site.services.map((at) => ({
    at,
    script: "service.sh",
    parameters: { DO: verb, MARK: servicesStopped, SERVICE: at.service },
  }));
}

/** Seconds around the calls: ssh has to get through, and Incus is asked about containers that do not run. */
const aroundSeconds = 60;
const noteSeconds = 60;

/**
 * Runs scripts inside containers, all at the same time.
 * @param limitSeconds for each of them
 * @returns an answer for each call, in their order; also for those whose host cannot be reached
 */
export async function inEach(
  site: MaintenanceSite,
  calls: readonly Call[],
  limitSeconds: number,
): Promise<readonly Answer[]> {
  const answers = await Promise.all(
    [...Map.groupBy(calls, ({ at }) => at.host)].map(([host, there]) =>
      onHost(site, host, there, limitSeconds),
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
  calls: readonly Call[],
  limitSeconds: number,
): Promise<readonly Answer[]> {
  const told = calls.map(({ at, script, parameters }) => ({
    container: at.name,
    run: { parameters, script: socketScript() + readScript(import.meta.url, script) },
  }));
  const limits = { eachSeconds: limitSeconds, allSeconds: limitSeconds + aroundSeconds };
  try {
    return (await inContainers(site.host(host), site.project, told, limits)).map(answerOf);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return calls.map(({ at }) => ({ container: at.name, end: "failed", text }));
  }
}

/** What one that was told comes to; both scripts end with 4 where there is nothing to do it with. */
export function answerOf(heard: Heard): Answer {
  const { container, exitCode, text, complaint } = heard;
  return {
    container,
    end: isDone(heard) ? "done" : exitCode === 4 ? "absent" : "failed",
    text: [text, complaint].filter((part) => part !== "").join("\n"),
  };
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
  const script = readScript(import.meta.url, "../hold-project.sh", "note.sh");
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
