import { beingUpdated } from "../converge/claim.ts";
import { list } from "../converge/look.ts";
import { isUnderWay } from "../converge/mark.ts";
import type { Site } from "../converge/sites.ts";
import { HostError, hostLabel, say } from "../host-shell.ts";
import { inContainers, type Call } from "../in-containers.ts";
import { incusDrift } from "./incus-drift.ts";
import { insideDrift } from "./inside-drift.ts";
import type { Drift, Place, RuntimeState, Unseen } from "./item.ts";
import { hostQuestion, insideQuestion } from "./question.ts";
import { databaseStates, insideStates, instanceStates } from "./runtime.ts";
import { readHost, readInside, type SeenInside } from "./seen.ts";
import { readDetails, replicatorDrift, topologyDrift, type SeenNode } from "./topology-drift.ts";
import { servicesOf, wantedOf, type Wanted, type WantedContainer } from "./wanted.ts";

/** Seconds that a container has to say what is in it, and a host for all that is on it; how many are asked at a time. */
const limits = { eachSeconds: 45, allSeconds: 180, atOnce: 4 };

/** How a stack is, compared with what was applied. */
export interface Look {
  readonly drift: readonly Drift[];
  readonly runtime: readonly RuntimeState[];
  readonly unseen: readonly Unseen[];
  /** How much was looked at. */
  readonly counts: { readonly containers: number; readonly files: number; readonly services: number };
}

interface SiteLook extends Look {
  /** Whether the host and all that runs on it has answered. */
  readonly isWhole: boolean;
  readonly nodes: readonly SeenNode[];
  /** Node that has begun as the primary. */
  readonly firstPrimary?: string | undefined;
  readonly note: string;
}

/**
 * Looks at everything that an update looks after, on all hosts at the same time: two questions to each, and one to each
 * container. Changes nothing.
 */
export async function lookAround(sites: readonly Site[]): Promise<Look> {
  const looks = await Promise.all(sites.map(lookAt));
  const nodes = looks.flatMap((look) => look.nodes);
  const notes = sites.flatMap((site, index) => {
    const text = looks[index]?.note ?? "";
    return text === "" ? [] : [{ host: hostLabel(site.host), text }];
  });
  const firstPrimary = looks.find((look) => look.firstPrimary !== undefined)?.firstPrimary;
  const runtime = [...looks.flatMap((look) => look.runtime), ...databaseStates(nodes, firstPrimary, notes)];
  const isWhole = looks.every((look) => look.isWhole);
  // A node that was not seen may be the one that is missed.
  const drift = [
    ...looks.flatMap((look) => look.drift),
    ...replicatorDrift(nodes),
    ...(isWhole ? topologyDrift(nodes) : []),
  ];
  const sum = (count: (counts: Look["counts"]) => number): number =>
    looks.reduce((total, { counts }) => total + count(counts), 0);
  return {
    drift: drift.filter((one) => !runtime.some((state) => state.excuses(one))),
    runtime,
    unseen: looks.flatMap(({ unseen }) => unseen),
    counts: {
      containers: sum(({ containers }) => containers),
      files: sum(({ files }) => files),
      services: sum(({ services }) => services),
    },
  };
}

async function lookAt(site: Site): Promise<SiteLook> {
  const host = hostLabel(site.host);
  const nothing = {
    isWhole: false,
    drift: [],
    runtime: [],
    nodes: [],
    note: "",
    counts: { containers: 0, files: 0, services: 0 },
  };
  try {
    const wanted = wantedOf(site.recorded);
    const [incus, printed, answers] = await Promise.all([
      list(site),
      say(site.host, hostQuestion(site.project, wanted), "look", limits.allSeconds),
      inContainers(site.host, site.project, callsFor(wanted), limits),
    ]);
    const { mark } = incus.found;
    // What is seen in the middle of an update is neither the old nor the new.
    if (isUnderWay(mark)) return { ...nothing, unseen: [{ host, says: beingUpdated(site, mark) }] };
    const seen = readHost(printed);
    const insides = new Map(answers.map((answer) => [answer.container, readInside(answer)]));
    const running = new Set(
      incus.listed.containers.filter(({ status }) => status === "Running").map(({ name }) => name),
    );
    const inside = wanted.containers
      .filter(({ name }) => running.has(name))
      .map((container) => ({ container, seen: insides.get(container.name) }));
    const answered = inside.flatMap(({ container, seen }) =>
      seen === undefined || seen.silent !== undefined ? [] : [{ container, seen }],
    );
    const units = answered.flatMap(({ container }) => container.units);
    return {
      isWhole: answered.length === inside.length,
      drift: [
        ...incusDrift(host, wanted, site.recorded, incus, seen),
        ...answered.flatMap(({ container, seen }) => insideDrift(host, container, seen)),
      ],
      runtime: [
        ...incus.listed.containers.flatMap((instance) => instanceStates(host, instance)),
        ...answered.flatMap(({ container, seen }) => insideStates(host, container, seen)),
      ],
      unseen: inside.flatMap(({ container, seen }) =>
        seen === undefined ? [] : unseenIn({ host, container: container.name }, seen),
      ),
      nodes: answered.flatMap(({ container, seen }) => nodesIn(host, container, seen)),
      firstPrimary: firstPrimaryOf(units.flatMap(({ files }) => files)),
      note: seen.flip,
      counts: {
        containers: wanted.containers.length,
        files: units.reduce((sum, { files }) => sum + files.length, 0),
        services: units.reduce((sum, unit) => sum + servicesOf(unit).length, 0),
      },
    };
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    // The host is named beside it.
    return { ...nothing, unseen: [{ host, says: error.message.replace(`${host} `, "") }] };
  }
}

function callsFor({ containers }: Wanted): readonly Call[] {
  return containers.map((container) => ({ container: container.name, run: insideQuestion(container) }));
}

function unseenIn(at: Place, { silent, details = "", database }: SeenInside): Unseen[] {
  if (silent !== undefined) return [{ ...at, says: silent }];
  // Of one that does not answer it is told what state it is in.
  const answers = ["primary", "standby"].includes(readDetails(details)?.state ?? "");
  if (!answers || database?.silent === undefined) return [];
  return [{ ...at, says: `its database's settings and roles could not be looked at: ${database.silent}` }];
}

function nodesIn(host: string, { name, units }: WantedContainer, seen: SeenInside): SeenNode[] {
  const unit = units.find((one) => one.name === "postgres");
  if (unit === undefined || seen.details === undefined) return [];
  const isRefused = seen.database?.lines.some(({ kind }) => kind === "refused") === true;
  const at = { host, container: name };
  return [{ at, details: readDetails(seen.details), command: unit.command, isRefused }];
}

function firstPrimaryOf(
  files: readonly { readonly path: string; readonly content: string }[],
): string | undefined {
  const settings = files.find(({ path }) => path === "/etc/veza/postgres.env")?.content ?? "";
  return /^INITIAL_PRIMARY='([^']*)'$/m.exec(settings)?.[1];
}
