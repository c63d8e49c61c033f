import { serverStatus } from "../../haproxy/runtime.ts";
import { isUnderWay, ownerLabel } from "../converge/mark.ts";
import {
  websockets,
  type ContainerStatus,
  type HostStatus,
  type LoadBalancerStatus,
  type ServerTraffic,
  type Status,
} from "./status.ts";

/** What somebody on call has to know, in words. */
export interface Findings {
  /** Not as it should be, and what to do about it. */
  readonly problems: readonly string[];
  /** What an operator or an update is doing: as it should be, and not to be forgotten. */
  readonly notes: readonly string[];
}

/**
 * @param pools the servers that each pool should have, by name
 * @param at now
 */
export function findingsOf(
  status: Status,
  pools: Readonly<Record<string, readonly string[]>>,
  at: Date,
): Findings {
  const { project, hosts, containers, loadBalancers, certificates, database } = status;
  const nodes =
    database !== undefined && "seen" in database ? database.seen.nodes.map(({ name }) => name) : [];
  const excused = keptStopped(status.maintenance);
  return {
    problems: [
      ...hosts.flatMap(hostProblems),
      ...driftProblems(status, at),
      ...containers
        // What is wrong with a node is said with what it is to its database.
        .filter(({ name }) => !nodes.includes(name))
        .flatMap((container) => containerProblems(container, project)),
      ...loadBalancers.flatMap((balancer) => balancerProblems(balancer, pools, excused)),
      ...agentProblems(status, Object.keys(pools)),
      ...maintenanceProblems(status.maintenance),
      ...("problem" in certificates
        ? [`certificates are not known: ${certificates.problem}`]
        : certificates.seen.flatMap(({ name, problems }) => problems.map((problem) => `${name} ${problem}`))),
      ...(database === undefined
        ? []
        : "problem" in database
          ? [`the database is not known: ${database.problem}`]
          : [
              ...(database.seen.verdict === "no-primary" ? ["no database node takes writes"] : []),
              ...database.seen.problems,
            ]),
    ],
    notes: [
      ...hosts.flatMap(hostNotes),
      ...driftNotes(status, at),
      ...maintenanceNotes(status),
      ...loadBalancers.flatMap(balancerNotes),
    ],
  };
}

function hostProblems({ name, update }: HostStatus): string[] {
  if ("problem" in update) return [`${name} does not answer: ${update.problem}`];
  const { unclean, runningBy } = update.seen;
  if (!unclean || isUnderWay(update.seen)) return [];
  return [
    `the last update did not end well on ${name}${runningBy === undefined ? "" : ` (${ownerLabel(runningBy)} was killed)`}: bin/pulumi up brings it back to what was deployed, then on`,
  ];
}

function hostNotes({ name, update }: HostStatus): string[] {
  if ("problem" in update || !isUnderWay(update.seen)) return [];
  const { runningBy, since } = update.seen;
  const from = since === undefined ? "" : ` since ${since.toISOString().slice(11, 16)} UTC`;
  return [`an update is at work on ${name}${from}, by ${ownerLabel(runningBy ?? "")}`];
}

/** What was found stands until somebody looks again. */
function driftProblems({ drift, stack }: Status, at: Date): string[] {
  if ("problem" in drift || drift.seen === null || drift.seen.items === 0) return [];
  const { items } = drift.seen;
  return [
    `${String(items)} ${items === 1 ? "thing" : "things"} had drifted ${agoInWords(drift.seen.at, at)}: bin/veza drift --stack ${stack} shows what, and looks again`,
  ];
}

/** Seconds after which a look says little about today. */
const oldSeconds = 86_400;

/** A stack at which nobody has ever looked has no timer for it; one where that ended should have. */
function driftNotes({ drift, stack }: Status, at: Date): string[] {
  if ("problem" in drift || drift.seen === null) return [];
  const { at: looked, items, unseen } = drift.seen;
  const again = `bin/veza drift --stack ${stack}`;
  return [
    ...(secondsFrom(looked, at) > oldSeconds
      ? [`nobody has looked for drift for ${durationInWords(secondsFrom(looked, at))}: ${again}`]
      : []),
    ...(items === 0 && unseen > 0
      ? [`the last look for drift, ${agoInWords(looked, at)}, did not see everything: ${again}`]
      : []),
  ];
}

function secondsFrom(past: Date, at: Date): number {
  // The machine that looked may be ahead of this one.
  return Math.max(0, Math.floor((at.getTime() - past.getTime()) / 1000));
}

/** `7 s ago` */
export function agoInWords(past: Date, at: Date): string {
  return `${durationInWords(secondsFrom(past, at))} ago`;
}

function containerProblems({ name, host, state }: ContainerStatus, project: string): string[] {
  switch (state) {
    case "Running":
    case "unknown":
      return [];
    case "absent":
      return [`${name} is not there: bin/pulumi up makes it again`];
    default:
      return [`${name} is ${state}; on ${host}: incus start ${name} --project ${project}`];
  }
}

function balancerProblems(
  { name, traffic }: LoadBalancerStatus,
  pools: Readonly<Record<string, readonly string[]>>,
  excused: readonly string[],
): string[] {
  if ("problem" in traffic) return [`${name} does not tell its servers: ${traffic.problem}`];
  const { servers } = traffic.seen;
  return Object.entries(pools).flatMap(([pool, wanted]) => {
    const there = servers.filter((server) => server.pool === pool);
    const usable = there.filter(({ status }) => serverStatus({ status }) === "up");
    const isNeeded = wanted.some((server) => !excused.includes(server));
    return [
      ...(isNeeded && usable.length === 0 ? [`${name} has no server in ${pool} that takes requests`] : []),
      ...wanted
        .filter((server) => !there.some((one) => one.server === server))
        .map((server) => `${name} does not know ${pool}/${server}: bin/pulumi up brings its configuration`),
      ...there
        .filter((one) => serverStatus(one) === "down" && !excused.includes(one.server))
        .map((server) => `${name} has ${pool}/${server.server} ${server.status}${sinceWords(server)}`),
    ];
  });
}

/**
 * Clients do not notice an agent that is not heard, because health checks go on: the next roll-out does. Of a server
 * that is down there is something else to say, and an update may be about to put its agent in place.
 */
function agentProblems({ stack, hosts, loadBalancers }: Status, pools: readonly string[]): string[] {
  if (hosts.some(({ update }) => "seen" in update && isUnderWay(update.seen))) return [];
  return loadBalancers.flatMap(({ name, traffic }) =>
    ("seen" in traffic ? traffic.seen.servers : []).flatMap((one) =>
      one.agentSilent === undefined || !pools.includes(one.pool) || serverStatus(one) === "down"
        ? []
        : [
            `${name} does not hear the agent of ${one.pool}/${one.server} (${one.agentSilent}): it serves, but no roll-out gets past it; bin/veza drift --stack ${stack} says what is wrong there`,
          ],
    ),
  );
}

/** What is closed on purpose and looks alike everywhere is a note; what is not, somebody has to end. */
function maintenanceProblems(maintenance: Status["maintenance"]): readonly string[] {
  if ("problem" in maintenance) return [`whether it is in maintenance is not known: ${maintenance.problem}`];
  const { verdict, problems } = maintenance.seen;
  // Who does not answer is told of above.
  return verdict === "closed" || verdict === "mixed" ? problems : [];
}

function maintenanceNotes({ maintenance, stack }: Status): string[] {
  if ("problem" in maintenance || !["closed", "mixed"].includes(maintenance.seen.verdict)) return [];
  return [
    `the stack is in maintenance, and clients get a page: bin/veza maintenance down --stack ${stack} ends it`,
  ];
}

/** Servers whose application a maintenance keeps stopped. */
function keptStopped(maintenance: Status["maintenance"]): readonly string[] {
  if ("problem" in maintenance) return [];
  return maintenance.seen.services.filter((one) => one.keptStopped).map(({ name }) => name);
}

function balancerNotes({ name, traffic }: LoadBalancerStatus): string[] {
  if ("problem" in traffic) return [];
  return traffic.seen.servers.flatMap(({ pool, server, status, keptBack }) => {
    if (pool.endsWith(websockets) || keptBack === undefined) return [];
    if (keptBack === "instance")
      return [`${pool}/${server} has itself emptied in ${name}: a roll-out does that`];
    const does = serverStatus({ status }) === "maint" ? "has put" : "drains";
    const where = does === "drains" ? `in ${name}` : `into maintenance in ${name}`;
    return [`an operator ${does} ${pool}/${server} ${where}: bin/veza ready ${server} takes it back`];
  });
}

function sinceWords({ sinceSeconds }: ServerTraffic): string {
  return sinceSeconds === undefined ? "" : ` for ${durationInWords(sinceSeconds)}`;
}

/** `7 s`, `12 min`, `5 h`, `3 days` */
export function durationInWords(seconds: number): string {
  if (seconds < 120) return `${String(seconds)} s`;
  if (seconds < 2 * 3600) return `${String(Math.floor(seconds / 60))} min`;
  if (seconds < 2 * 86_400) return `${String(Math.floor(seconds / 3600))} h`;
  return `${String(Math.floor(seconds / 86_400))} days`;
}
