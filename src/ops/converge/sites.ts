import type { ReachableHost } from "../host-shell.ts";
import type { RecordedCommand } from "../recorded.ts";

/** One stack's Incus project on one machine. */
export interface Site {
  /** How the machine is reached. */
  readonly host: ReachableHost;
  readonly project: string;
  /** All that was said to it, in the order of the state. */
  readonly recorded: readonly RecordedCommand[];
}

/**
 * The stack's commands by machine and project. A machine is reached as the config says now: its host key, its user or
 * our key may have been changed since, and with the ones in the state nobody would get in any more. An update that
 * was cut off between two of those leaves both in the state, and they are one machine still.
 * @param hosts as the stack's config has them; a machine that is not among them is reached as the state says
 */
export function sitesOf(
  recorded: readonly RecordedCommand[],
  hosts: Readonly<Record<string, ReachableHost>>,
): readonly Site[] {
  const sites = new Map<string, { host: ReachableHost; project: string; recorded: RecordedCommand[] }>();
  const onlyProject = recorded.find(({ project }) => project !== "")?.project ?? "";
  for (const command of recorded) {
    const project = command.project || onlyProject;
    if (project === "") continue;
    const [name, configured] = sameMachine(command.connection, hosts) ?? [];
    const machine = name ?? identity(command.connection);
    const key = `${machine} ${project}`;
    const site = sites.get(key) ?? { host: configured ?? command.connection, project, recorded: [] };
    site.recorded.push(command);
    sites.set(key, site);
  }
  return [...sites.values()];
}

/**
 * A machine keeps its address when it gets a new host key, and its host key when it gets a new address. Machines that
 * were cloned from one another share a host key, so the address is believed first, and a key only where one host has it.
 */
function sameMachine(
  said: ReachableHost,
  hosts: Readonly<Record<string, ReachableHost>>,
): [name: string, host: ReachableHost] | undefined {
  const entries = Object.entries(hosts);
  if (said.connection === "local") return entries.find(([, host]) => host.connection === "local");
  const byAddress = entries.find(
    ([, host]) => host.connection === "ssh" && host.address === said.address && host.port === said.port,
  );
  const byKey = entries.filter(([, host]) => host.connection === "ssh" && host.hostKey === said.hostKey);
  return byAddress ?? (byKey.length === 1 ? byKey[0] : undefined);
}

function identity(host: ReachableHost): string {
  return host.connection === "local" ? "local" : host.hostKey;
}
