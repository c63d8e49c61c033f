import { closedMap, servicesStopped } from "../../config/maintenance.ts";
import { lock } from "../lock.ts";
import { closedTo, mapText } from "./map.ts";
import { balancers, inEach, note, services, type Answer } from "./says.ts";
import { hostsOf, type MaintenanceSite, type ServicePlace } from "./site.ts";

/** What a maintenance is to be like; the last word counts, whatever was said before. */
export interface Wanted {
  /** Networks that are let through, beside those of the config. */
  readonly allow: readonly string[];
  /** Applications go on, for those who are let through. */
  readonly keepServices: boolean;
}

/** Hears what was done and what was not, a line for each container. */
export interface MaintenanceTalk {
  did(container: string, what: string): void;
  failed(container: string, why: string): void;
}

/** Seconds that a load balancer's program has. */
const haproxySeconds = 60;
/** Seconds that a service may take: it waits for a roll-out, and stops within an hour (`drainSeconds`). */
const serviceSeconds = 300 + 3_700;
/** Seconds that load balancers wait for servers that were just started. */
const healthySeconds = 120;

const noteName = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/**
 * Closes a stack to its clients: first all load balancers, then the applications stop. Everything that can be done is
 * done, also when something else cannot.
 * @returns whether all of it was done; if not, the same again does the rest
 * @throws StackError that says who else is closing or opening it; HostError when none of its hosts can be reached
 */
export async function closeStack(
  site: MaintenanceSite,
  wanted: Wanted,
  talk: MaintenanceTalk,
): Promise<boolean> {
  return alone(site, "up", () => close(site, wanted, talk));
}

async function close(site: MaintenanceSite, wanted: Wanted, talk: MaintenanceTalk): Promise<boolean> {
  const entries = closedTo(wanted.allow);
  const allowed = ["who config allows", ...wanted.allow].join(", ");
  // For containers to come, which an update at the same time may be making.
  const notes = [
    ...(await note(site, noteName(closedMap), mapText(entries))),
    ...(await note(site, noteName(servicesStopped), wanted.keepServices ? undefined : "yes")),
  ];
  for (const problem of notes) talk.failed("", problem);
  const closed = await inEach(
    site,
    balancers(site, { DO: "close", ENTRIES: mapText(entries) }),
    haproxySeconds,
  );
  const isClosed = report(closed, talk, () => `answers 503 to everybody but ${allowed}`);
  const changed = wanted.keepServices
    ? report(await start(site), talk, running)
    : report(await stop(site), talk, (container) => `${serviceOf(site, container)} is stopped`);
  return notes.length === 0 && isClosed && changed;
}

/**
 * Opens a stack again: first the applications start, and when load balancers see them well they let clients in. Where that
 * does not come about, clients go on seeing the page.
 * @param force let clients in without waiting for the applications
 * @returns whether all of it was done; if not, the same again does the rest
 * @throws StackError that says who else is closing or opening it; HostError when none of its hosts can be reached
 */
export async function openStack(
  site: MaintenanceSite,
  { force }: { readonly force: boolean },
  talk: MaintenanceTalk,
): Promise<boolean> {
  return alone(site, "down", () => open(site, force, talk));
}

async function open(site: MaintenanceSite, force: boolean, talk: MaintenanceTalk): Promise<boolean> {
  const startedNote = await note(site, noteName(servicesStopped), undefined);
  const answers = await start(site);
  const started = report(answers, talk, running);
  const dead = force ? [] : servicesWithoutAny(site.services, answers);
  for (const service of dead)
    talk.failed("", `no instance of ${service} could be started, so the load balancers stay closed`);
  if (dead.length > 0) return false;
  const up = new Set(answers.filter(({ end }) => end === "done").map(({ container }) => container));
  const servers = force ? [] : site.services.filter(({ name }) => up.has(name)).map(({ server }) => server);
  const opened = await inEach(
    site,
    balancers(site, { DO: "open", SERVERS: servers.join(" "), WAIT: healthySeconds }),
    haproxySeconds + healthySeconds,
  );
  const isOpen = report(opened, talk, () => "serves its clients");
  // One that cannot be asked now is closed no more when it is made anew; one that is left closed keeps company with those to come.
  const anyOpen = opened.length === 0 || opened.some(({ end }) => end === "done");
  const openNote = anyOpen ? await note(site, noteName(closedMap), undefined) : [];
  const notes = [...startedNote, ...openNote];
  for (const problem of notes) talk.failed("", problem);
  return notes.length === 0 && started && isOpen;
}

/** Does it while no other operator closes or opens this stack. */
async function alone(
  site: MaintenanceSite,
  verb: "up" | "down",
  work: () => Promise<boolean>,
): Promise<boolean> {
  const part = { part: "maintenance", project: site.project, hosts: hostsOf(site) } as const;
  const held = await lock({ ...part, host: (name) => site.host(name) }, `maintenance ${verb}`);
  try {
    return await work();
  } finally {
    await held.release();
  }
}

async function stop(site: MaintenanceSite): Promise<readonly Answer[]> {
  return inEach(site, services(site, "stop"), serviceSeconds);
}

async function start(site: MaintenanceSite): Promise<readonly Answer[]> {
  return inEach(site, services(site, "start"), serviceSeconds);
}

const running = (): string => "runs";

function serviceOf(site: MaintenanceSite, container: string): string {
  return site.services.find(({ name }) => name === container)?.service ?? "";
}

/** Applications of which there is an instance, and none that was started. */
export function servicesWithoutAny(
  services: readonly Pick<ServicePlace, "name" | "service">[],
  answers: readonly Pick<Answer, "container" | "end">[],
): readonly string[] {
  const failed = new Set(answers.filter(({ end }) => end === "failed").map(({ container }) => container));
  return [...Map.groupBy(services, ({ service }) => service)]
    .filter(([, places]) => places.every(({ name }) => failed.has(name)))
    .map(([service]) => service);
}

/** Tells of every answer. @returns whether none of them is a failure */
function report(
  answers: readonly Answer[],
  talk: MaintenanceTalk,
  what: (container: string) => string,
): boolean {
  for (const { container, end, text } of answers) {
    if (end === "failed") talk.failed(container, text);
    else talk.did(container, end === "absent" || text !== "" ? text : what(container));
  }
  return answers.every(({ end }) => end !== "failed");
}
