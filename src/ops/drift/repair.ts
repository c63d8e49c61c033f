import { setTimeout as delay } from "node:timers/promises";
import { hostDocument } from "../../incus/document.ts";
import { readScript } from "../../shell/read-script.ts";
import { claim, release, settle, type Claimed } from "../converge/claim.ts";
import { commandName } from "../converge/name.ts";
import type { Site } from "../converge/sites.ts";
import { HostError, say } from "../host-shell.ts";
import type { Drift, Mend } from "./item.ts";
import { lookAround, type Look } from "./look.ts";
import {
  consequences,
  repairPlan,
  type Forgetting,
  type Preparation,
  type RepairPlan,
} from "./repair-plan.ts";
import type { Applied } from "./state.ts";

/** Seconds for starting a container, or taking files away. */
const prepareSeconds = 240;
const forgetSeconds = 90;
/** Seconds that database nodes get to find each other again. */
const topologySeconds = 20;
/** What follows from a repair is found by the next look: a secret that was put back restarts its application. */
const mostRounds = 3;

export interface RepairTalk {
  line(text: string): void;
  /** Asked once, after it was said what will be done. */
  agreed(): Promise<boolean>;
}

export interface Repaired {
  /** How it is now. */
  readonly look: Look;
  /** What could not be done, and why. */
  readonly problems: readonly string[];
}

/**
 * Brings back what has drifted by applying again what the state has, the way an update would, without the engine; so the
 * next update changes nothing. Hosts are marked as being updated meanwhile, and nothing runs at the same time as anything
 * else: no two instances are out at once. The first failure in a container ends what is done to it, and the first failed
 * roll-out all of them.
 * @param first what was found
 * @throws HostError when somebody else is updating a host; then nothing was changed
 */
export async function repair(applied: Applied, first: Look, talk: RepairTalk): Promise<Repaired> {
  const { sites } = applied;
  let look = first;
  let plan = repairPlan(applied, repairable(look));
  if (isEmpty(plan)) return { look, problems: [] };
  for (const line of consequences(plan)) talk.line(`  ${line}`);
  if (!(await talk.agreed())) return { look, problems: ["nothing was changed"] };
  const claimed: Claimed[] = [];
  const problems: string[] = [];
  try {
    for (const site of concerned(plan)) claimed.push(await claim(site));
    for (const { site, found } of claimed) if (found.mark.unclean) await settle(site);
    for (let round = 1; !isEmpty(plan) && problems.length === 0 && round <= mostRounds; round++) {
      if (round > 1) talk.line("What follows from that:");
      problems.push(...(await carryOut(plan, applied.directory, talk)));
      look = await lookAfter(plan, sites);
      plan = repairPlan(applied, repairable(look));
    }
  } finally {
    await Promise.allSettled(claimed.map(release));
  }
  return { look, problems };
}

function concerned({ again, prepare, forget }: RepairPlan): ReadonlySet<Site> {
  return new Set([...again, ...prepare, ...forget].map(({ site }) => site));
}

/** A database node takes a moment to find its peer again. */
async function lookAfter({ again }: RepairPlan, sites: readonly Site[]): Promise<Look> {
  const hasNodes = again.some(({ command }) => command.unit === "postgres");
  const deadline = Date.now() + (hasNodes ? topologySeconds * 1000 : 0);
  for (;;) {
    const look = await lookAround(sites);
    if (Date.now() >= deadline || !look.drift.some(({ kind }) => kind === "topology")) return look;
    await delay(1_000);
  }
}

/** While a flip is under way, the nodes are its own. */
function repairable({ drift, runtime }: Look): readonly Drift[] {
  if (!runtime.some(({ kind }) => kind === "flip")) return drift;
  const isNodes = (one: Drift): boolean =>
    one.mends.some((mend) => mend.do === "apply" && mend.command.unit?.startsWith("postgres") === true);
  return drift.filter((one) => !isNodes(one));
}

function isEmpty({ again, prepare, forget }: RepairPlan): boolean {
  return again.length + prepare.length + forget.length === 0;
}

async function carryOut(plan: RepairPlan, directory: string, talk: RepairTalk): Promise<string[]> {
  const problems: string[] = [];
  const failed = new Set<string>();
  for (const one of plan.forget) await attempt(`volume ${one.volume}`, "", () => forget(one));
  for (const one of plan.prepare) await attempt(one.container, one.container, () => prepare(one));
  for (const { site, command } of plan.again) {
    const { container = "", unit } = command;
    if (failed.has(container) || (unit === "application" && failed.has("application"))) {
      talk.line(`left out: ${commandName(command)}`);
      continue;
    }
    talk.line(`applying ${commandName(command)} again`);
    await attempt(commandName(command), unit === "application" ? "application" : container, async () => {
      const said = await say(site.host, command.document, "apply", command.limitSeconds, directory);
      for (const line of said.split("\n").filter((one) => one !== "")) talk.line(`  ${line}`);
    });
  }
  return problems;

  async function attempt(what: string, where: string, act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof HostError)) throw error;
      if (where !== "") failed.add(where);
      problems.push(`${what}: ${error.message}`);
    }
  }
}

async function prepare({ site, container, mends }: Preparation): Promise<void> {
  const has = (what: Mend["do"]): string => (mends.some((mend) => mend.do === what) ? "yes" : "no");
  const document = hostDocument({
    parameters: {
      PROJECT: site.project,
      CONTAINER: container,
      START: has("start"),
      PROFILES: has("no-profiles"),
      UNSET: mends.flatMap((mend) => (mend.do === "unset" ? [mend.key] : [])).join("\n"),
      REMOVE: mends.flatMap((mend) => (mend.do === "remove" ? [mend.path] : [])).join("\n"),
      RESTART: mends
        .flatMap((mend) => (mend.do === "restart" ? [`${mend.unit} ${mend.service}`] : []))
        .join("\n"),
    },
    script: readScript(import.meta.url, "../../incus/about-container.sh", "mend.sh"),
  });
  await say(site.host, document, "apply", prepareSeconds);
}

async function forget({ site, pool, volume }: Forgetting): Promise<void> {
  const document = hostDocument({
    parameters: { PROJECT: site.project, POOL: pool, VOLUME: volume },
    script: readScript(import.meta.url, "forget-volume.sh"),
  });
  await say(site.host, document, "apply", forgetSeconds);
}
