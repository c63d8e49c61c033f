import { readContainerDocument } from "../../incus/document.ts";
import { readAssignments } from "../../shell/quote.ts";
import { commandName } from "../converge/name.ts";
import type { Site } from "../converge/sites.ts";
import { hostLabel } from "../host-shell.ts";
import type { RecordedCommand } from "../recorded.ts";
import type { Drift, Mend } from "./item.ts";
import type { Applied } from "./state.ts";

/** What is done to one container before anything is applied to it again. */
export interface Preparation {
  readonly site: Site;
  readonly container: string;
  readonly mends: readonly Mend[];
}

/** A volume that has to forget its size. */
export interface Forgetting {
  readonly site: Site;
  readonly pool: string;
  readonly volume: string;
}

export interface Again {
  readonly site: Site;
  readonly command: RecordedCommand;
}

/** How drift is brought back, in this order. */
export interface RepairPlan {
  readonly forget: readonly Forgetting[];
  readonly prepare: readonly Preparation[];
  /** In the order of dependencies; of a fleet, instances that do not serve come before those that do. */
  readonly again: readonly Again[];
  /** Containers that are not there. */
  readonly missing: ReadonlySet<string>;
}

/** @param drift what was found on the stack's sites */
export function repairPlan({ recorded, sites }: Applied, drift: readonly Drift[]): RepairPlan {
  const prepare = new Map<string, { site: Site; container: string; mends: Mend[] }>();
  const forget: Forgetting[] = [];
  const again = new Map<RecordedCommand, { site: Site; isOut: boolean }>();
  for (const { host, container = "", mends, isOut = false } of drift) {
    const site = sites.find((one) => hostLabel(one.host) === host);
    if (site === undefined) continue;
    for (const mend of mends) {
      if (mend.do === "apply") {
        again.set(mend.command, { site, isOut: isOut || again.get(mend.command)?.isOut === true });
      } else if (mend.do === "forget") {
        forget.push({ site, pool: mend.pool, volume: mend.volume });
      } else {
        const key = `${host} ${container}`;
        const entry = prepare.get(key) ?? { site, container, mends: [] };
        entry.mends.push(mend);
        prepare.set(key, entry);
      }
    }
  }
  const inOrder = recorded.flatMap((command) => {
    const found = again.get(command);
    return found === undefined ? [] : [{ command, ...found }];
  });
  return {
    forget,
    prepare: [...prepare.values()],
    again: outFirst(inOrder).map(({ site, command }) => ({ site, command })),
    missing: new Set(
      drift.flatMap(({ kind, container, subject }) =>
        kind === "container" && subject === container ? [container] : [],
      ),
    ),
  };
}

type Ordered = Again & { readonly isOut: boolean };

/** In the state each roll-out waits for the one before it, only so that one at a time is out: those that are, go first. */
function outFirst(commands: readonly Ordered[]): readonly Ordered[] {
  const isRollOut = ({ command }: Ordered): boolean => command.unit === "application";
  const afterLastOut = commands.findLastIndex((one) => isRollOut(one) && one.isOut) + 1;
  const early = commands.slice(0, afterLastOut);
  const serves = (one: Ordered): boolean => isRollOut(one) && !one.isOut;
  return [...early.filter((one) => !serves(one)), ...early.filter(serves), ...commands.slice(afterLastOut)];
}

/** What a repair does, and what anybody notices of it; a line for each step. */
export function consequences({ forget, prepare, again, missing }: RepairPlan): readonly string[] {
  const restarts = new Set(
    prepare.flatMap(({ container, mends }) =>
      mends.flatMap((mend) => (mend.do === "restart" ? [`${container} ${mend.unit}`] : [])),
    ),
  );
  return [
    ...forget.map(({ volume }) => `volume ${volume} gets its size again`),
    ...prepare.flatMap(({ container, mends }) => mends.flatMap((mend) => preparationLine(container, mend))),
    ...again.map(({ command }) => command).map((command) => againLine(command, missing, restarts)),
  ];
}

function preparationLine(container: string, mend: Mend): string[] {
  switch (mend.do) {
    case "start":
      return [`${container}: is started`];
    case "unset":
      return [`${container}: ${mend.key} is taken away`];
    case "no-profiles":
      return [`${container}: its profiles are taken away`];
    case "remove":
      return [`${container}: ${mend.path} is removed`];
    case "restart":
      return mend.unit.startsWith("postgres")
        ? [`${container}: ${mend.service} goes on with what it was started with until somebody restarts it`]
        : [];
    case "apply":
    case "forget":
      return [];
  }
}

function againLine(
  command: RecordedCommand,
  missing: ReadonlySet<string>,
  restarts: ReadonlySet<string>,
): string {
  const { container = "", unit, volume } = command;
  const name = commandName(command);
  if (volume !== undefined) return `${name}: is made, or gets its size; nothing in it is touched`;
  if (container === "") return `${name}: is made or checked again on its host`;
  if (unit === undefined) return `${container}: runs ${programOf(command)} again`;
  switch (unit) {
    case "container":
      return missing.has(container)
        ? `${container}: is made anew and filled; its volumes stay`
        : `${container}: gets its limits, ports and devices again while it runs`;
    case "application":
      return `${container}: ${applicationOf(command)} is rolled out again: drained, restarted, watched until it serves`;
    case "haproxy":
      return restarts.has(`${container} haproxy`)
        ? `${container}: HAProxy is RESTARTED with its configuration: open connections end`
        : `${container}: HAProxy's configuration is checked and loaded again; a running one is reloaded, which cuts nothing`;
    case "postgres":
      return `${container}: Postgres takes its configuration, roles and passwords over again, and what ALTER SYSTEM has set is taken back; pg-health restarts, no client notices`;
    case "pebble":
    case "pebble-tls":
      return `${container}: the lab's CA restarts and forgets what it has issued`;
    default:
      return `${container}: ${unit} is applied again`;
  }
}

function applicationOf({ document }: RecordedCommand): string {
  return readAssignments(readContainerDocument(document)?.body ?? "").values["APP"] ?? "its application";
}

function programOf({ document }: RecordedCommand): string {
  return (readAssignments(document).values["COMMAND"] ?? "").replaceAll("\n", " ");
}
