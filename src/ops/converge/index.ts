import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { hostDocument } from "../../incus/document.ts";
import { readScript } from "../../shell/read-script.ts";
import { HostError, hostLabel, say, type ReachableHost } from "../host-shell.ts";
import { recordedCommands, type RecordedCommand } from "../recorded.ts";
import { compare, type Divergence, type Leftover } from "./compare.ts";
import { look } from "./look.ts";
import { sitesOf, type Site } from "./sites.ts";

/** Seconds that a script of an earlier, cut-off update is given to end by itself. */
const settleSeconds = 120;

export interface DeployedState {
  /** The stack's state, as `pulumi stack export --show-secrets` prints it. */
  readonly exportedState: unknown;
  /** The hosts as the stack's config has them, each with the key that may log in there. */
  readonly hosts: Readonly<Record<string, ReachableHost>>;
}

/**
 * Brings the hosts to what the stack's state says, before the engine compares that state with the config: after an
 * update that failed or was killed, and when a container is gone, the engine alone would believe that all is well.
 * Then marks an update as running. Costs one question per host when there is nothing to do.
 * @param tell a line for the person who watches
 * @returns what could not be brought back; the engine may still change it to something that works
 * @throws HostError when a host cannot be asked, or when another update is at work on it
 */
export async function converge(
  state: DeployedState,
  tell: (line: string) => void,
): Promise<readonly string[]> {
  const problems = await Promise.all(sites(state).map((site) => convergeSite(site, tell)));
  await markUpdate(state, `running ${began} ${owner}`);
  return problems.flat();
}

/**
 * Compares once more after an update and marks how it ended, for whoever comes next.
 * @returns what on the hosts is not what the state says; nothing, when all is well
 */
export async function conclude(state: DeployedState, succeeded: boolean): Promise<readonly string[]> {
  const left = succeeded ? await divergences(state) : [];
  await markUpdate(state, `${succeeded && left.length === 0 ? "done" : "failed"} ${began}`);
  return left;
}

/** Everything whose applied version is not the one that the state has, in words; for a check without changes. */
export async function divergences(state: DeployedState): Promise<readonly string[]> {
  const all = await Promise.all(
    sites(state).map(async (site) => {
      const { again, leftovers } = compare(site.recorded, await look(site.host, site.project));
      return [
        ...again.flatMap((c) => (c.unit === undefined ? [] : [name(c)])),
        ...leftovers.map(leftoverName),
      ];
    }),
  );
  return all.flat();
}

async function convergeSite(site: Site, tell: (line: string) => void): Promise<string[]> {
  let found = await look(site.host, site.project);
  if (found.runningBy !== undefined && !isDead(found.runningBy)) {
    throw new HostError(
      site.host,
      `an update of ${site.project} by ${found.runningBy} (machine:process) has been marked as running on ${hostLabel(site.host)} since ${found.since?.toISOString() ?? "?"}. Wait for it. If it is certain that it died: incus project set ${site.project} user.veza.update="failed ${found.since?.toISOString() ?? ""}" there, then run this again`,
    );
  }
  if (found.unclean) {
    await ask(site, ["settle.sh"], { WAIT: settleSeconds }, settleSeconds + 30);
    found = await look(site.host, site.project);
    tell(`The last update on ${hostLabel(site.host)} did not end well: comparing it with the stack's state.`);
  }
  return repair(site, compare(site.recorded, found), tell);
}

async function repair(
  site: Site,
  { again, leftovers }: Divergence,
  tell: (line: string) => void,
): Promise<string[]> {
  const problems: string[] = [];
  for (const leftover of leftovers) {
    tell(`  removing ${leftoverName(leftover)}: it is not in the stack's state`);
    const parameters = { CONTAINER: leftover.container, UNIT: leftover.unit ?? "" };
    await attempt(leftoverName(leftover), () =>
      ask(site, ["../../incus/about-container.sh", "remove.sh"], parameters, 360),
    );
  }
  for (const command of again) {
    if (command.unit !== undefined)
      tell(`  applying ${name(command)} again: it is not what the stack's state says`);
    await attempt(name(command), () => say(site.host, command.document, "apply", command.limitSeconds));
  }
  return problems;

  async function attempt(what: string, act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof HostError)) throw error;
      problems.push(`${what}: ${error.message}`);
    }
  }
}

function name(command: RecordedCommand): string {
  if (command.container === undefined) return command.urn.split("::").at(-1) ?? command.urn;
  return command.unit === "container"
    ? `container ${command.container}`
    : `${command.unit ?? ""} in ${command.container}`;
}

function leftoverName({ container, unit }: Leftover): string {
  return unit === undefined ? `container ${container}` : `${unit} in ${container}`;
}

async function ask(
  site: Site,
  scripts: readonly string[],
  parameters: Record<string, string | number>,
  limitSeconds: number,
): Promise<void> {
  const document = hostDocument({
    parameters: { PROJECT: site.project, ...parameters },
    script: scripts.map((script) => readScript(import.meta.url, script)).join(""),
  });
  await say(site.host, document, "apply", limitSeconds);
}

async function markUpdate(state: DeployedState, mark: string): Promise<void> {
  await Promise.all(sites(state).map((site) => ask(site, ["mark.sh"], { STATE: mark }, 60)));
}

function sites({ exportedState, hosts }: DeployedState): readonly Site[] {
  return sitesOf(recordedCommands(exportedState), hosts);
}

/** Of this run. */
const began = new Date().toISOString();
const owner = `${hostname()}:${String(process.pid)}`;

/** Provably: it ran on this machine, and no such process is left. */
function isDead(runner: string): boolean {
  const [machine, pid = ""] = runner.split(":");
  return machine === hostname() && !existsSync(`/proc/${pid}`);
}
