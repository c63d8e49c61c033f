import { HostError, hostLabel, say, type ReachableHost } from "../host-shell.ts";
import { recordedCommands } from "../recorded.ts";
import { ask } from "./ask.ts";
import { claim, release, settle, type Claimed } from "./claim.ts";
import { compare, type Divergence, type Leftover } from "./compare.ts";
import { look } from "./look.ts";
import { began, ownMarks, runningMark, setMark } from "./mark.ts";
import { commandName, isNamed } from "./name.ts";
import { sitesOf, type Site } from "./sites.ts";

export interface DeployedState {
  /** The stack's state, as `pulumi stack export --show-secrets` prints it. */
  readonly exportedState: unknown;
  /** Folder of the Pulumi project: relative paths in the state begin there. */
  readonly directory: string;
  /** The hosts as the stack's config has them, each with the key that may log in there. */
  readonly hosts: Readonly<Record<string, ReachableHost>>;
}

/** What was found and done before an update. */
export interface Converged {
  /** The hosts were what the state says, so nothing was done. */
  readonly asBefore: boolean;
  /** What could not be brought back; the engine may still change it to something that works. */
  readonly problems: readonly string[];
}

/** How an update ended; `same`: the hosts were what the state says, and nothing was said to them since. */
export type UpdateEnd = "failed" | "changed" | "same";

/**
 * Brings the hosts to what the stack's state says, before the engine compares that state with the config: after an
 * update that failed or was killed, and when a container is gone, the engine alone would believe that all is well.
 * Marks an update as running before anything is changed, so that a second one keeps away. Costs two questions per host
 * when there is nothing to do.
 * @param tell a line for the person who watches
 * @throws HostError when a host cannot be asked, or when another update is at work on it; then nothing is marked
 */
export async function converge(state: DeployedState, tell: (line: string) => void): Promise<Converged> {
  const claimed: Claimed[] = [];
  try {
    await allEnded(sites(state).map(async (site) => claimed.push(await claim(site))));
    const asBefore = claimed.every(
      ({ site, found }) => !found.mark.unclean && isSame(compare(site.recorded, found)),
    );
    if (asBefore) return { asBefore, problems: [] };
    const problems = await allEnded(claimed.map((one) => convergeSite(one, state.directory, tell)));
    return { asBefore, problems: problems.flat() };
  } catch (error) {
    await Promise.allSettled(claimed.map(release));
    throw error;
  }
}

/**
 * Compares once more after an update that changed something, and marks how it ended, for whoever comes next. Where
 * another update is marked, its mark stays: this one has changed nothing there.
 * @returns what on the hosts is not what the state says; nothing, when all is well
 */
export async function conclude(state: DeployedState, end: UpdateEnd): Promise<readonly string[]> {
  const left = end === "changed" ? await divergences(state) : [];
  await allEnded(
    sites(state).map(async (site) => {
      if (end !== "failed" && left.length === 0)
        return setMark(site, ownMarks, `done ${began.toISOString()}`);
      const { mark } = await look(site);
      return setMark(site, ownMarks, `failed ${(mark.since ?? began).toISOString()}`);
    }),
  );
  return left;
}

/** Everything whose applied version is not the one that the state has, in words; for a check without changes. */
async function divergences(state: DeployedState): Promise<readonly string[]> {
  const all = await Promise.all(
    sites(state).map(async (site) => {
      const { again, leftovers } = compare(site.recorded, await look(site));
      return [...again.filter(isNamed).map(commandName), ...leftovers.map(leftoverName)];
    }),
  );
  return all.flat();
}

function isSame({ again, leftovers }: Divergence): boolean {
  return again.length === 0 && leftovers.length === 0;
}

async function convergeSite(
  { site, found }: Claimed,
  directory: string,
  tell: (line: string) => void,
): Promise<string[]> {
  if (!found.mark.unclean) return repair(site, directory, compare(site.recorded, found), tell);
  await settle(site);
  tell(`The last update on ${hostLabel(site.host)} did not end well: comparing it with the stack's state.`);
  const problems = await repair(site, directory, compare(site.recorded, await look(site)), tell);
  // What is left of that update is told from older things by when it began, so that is kept until nothing is left.
  if (problems.length === 0) await setMark(site, ownMarks, runningMark(began));
  return problems;
}

async function repair(
  site: Site,
  directory: string,
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
    if (isNamed(command))
      tell(`  applying ${commandName(command)} again: it is not what the stack's state says`);
    await attempt(commandName(command), () =>
      say(site.host, command.document, "apply", command.limitSeconds, directory),
    );
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

function leftoverName({ container, unit }: Leftover): string {
  return unit === undefined ? `container ${container}` : `${unit} in ${container}`;
}

function sites({ exportedState, hosts }: DeployedState): readonly Site[] {
  return sitesOf(recordedCommands(exportedState), hosts);
}

/** What all have come to, when the last has ended. @throws the first error, not before that */
async function allEnded<T>(all: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(all);
  return Promise.all(all);
}
