import { parseServersState } from "../../haproxy/runtime.ts";
import type { Drift, Mend, Place } from "./item.ts";
import type { SeenInside } from "./seen.ts";
import { startedWith, type WantedUnit } from "./wanted.ts";

const current = "/etc/haproxy/current";
const service = "haproxy.service";

/**
 * Where HAProxy runs another configuration than the one on disk. Its newest worker says which release it has read, and
 * when: a file that was written later is one that nobody knows to be in force.
 * @param others what was found otherwise in the same container: a stopped HAProxy runs nothing, and says nothing here
 */
export function haproxyDrift(
  at: Place,
  unit: WantedUnit,
  seen: SeenInside,
  others: readonly Drift[],
): Drift[] {
  if (unit.name !== "haproxy" || seen.haproxy === undefined) return [];
  if (!["active", "reloading"].includes(seen.services.get(service)?.active ?? "")) return [];
  const again: Mend = { do: "apply", command: unit.command };
  const drift = (subject: string, says: string): Drift => ({
    ...{ ...at, kind: "running", subject },
    says,
    mends: [again],
  });
  const { info, servers } = seen.haproxy;
  if (info.size === 0) return [drift("admin socket", "HAProxy does not answer on /run/haproxy/admin.sock")];
  const release = info.get("description") ?? "";
  const link = seen.links.get(current) ?? "";
  const runsIt = link === `releases/${release}`;
  const unitChanged = startedWith([unit]).some(({ path }) => seen.differing.has(path));
  return [
    ...(runsIt
      ? []
      : [
          drift("configuration", `HAProxy runs release ${release || "(none)"}, on disk is ${link || "none"}`),
        ]),
    ...(unitChanged
      ? [drift(service, "it was started with another unit than the one that was applied")]
      : []),
    ...(runsIt ? unread(seen, unit, Number(info.get("Start_time_sec"))) : [])
      .filter((path) => !others.some(({ kind, subject }) => kind === "file" && subject === path))
      .map((path) =>
        drift(path, "it was written after HAProxy had read it, so nobody knows what HAProxy has of it"),
      ),
    ...serversOtherwise(unit, servers).map(([server, says]) => drift(server, says)),
  ];
}

function unread({ files }: SeenInside, unit: WantedUnit, read: number): readonly string[] {
  const brought = (unit.parameters["READS"] ?? "").split(" ").filter((path) => path !== "");
  return [...files]
    .filter(
      ([path, { changed }]) => (path.startsWith(`${current}/`) || brought.includes(path)) && changed > read,
    )
    .map(([path]) => path);
}

/** Servers whose address is not the configured one, and those that only one of both sides has. */
function serversOtherwise(unit: WantedUnit, said: string): readonly [string, string][] {
  const states = parseServersState(said);
  if (!states.ok) return [["servers", `HAProxy does not say which servers it has: ${states.problem}`]];
  const running = new Map(
    states.value.map(({ backend, server, address, port }) => [
      `${backend}/${server}`,
      { address, port: String(port) },
    ]),
  );
  const configured = configuredServers(
    unit.files.find(({ path }) => path === `${current}/haproxy.cfg`)?.content ?? "",
  );
  return [
    ...[...configured].flatMap(([name, { address, port }]): [string, string][] => {
      const now = running.get(name);
      if (now === undefined) return [[name, "HAProxy runs without this server"]];
      // Where a name leads is decided at run time.
      const isSame = now.address === (address ?? now.address) && now.port === (port ?? now.port);
      const was = `${address ?? now.address}:${port ?? now.port}`;
      return isSame ? [] : [[name, `it runs as ${now.address}:${now.port}, configured is ${was}`]];
    }),
    ...[...running.keys()]
      .filter((name) => !configured.has(name))
      .map((name): [string, string] => [name, "HAProxy has a server that is not configured"]),
  ];
}

interface ConfiguredServer {
  /** Undefined where it is a name. */
  readonly address: string | undefined;
  /** Undefined where a client's own one is meant. */
  readonly port: string | undefined;
}

/** By `BACKEND/SERVER`. */
function configuredServers(text: string): ReadonlyMap<string, ConfiguredServer> {
  const servers = new Map<string, ConfiguredServer>();
  let section = "";
  for (const line of text.split("\n")) {
    const [, kind, name = ""] = /^([a-z-]+)(?:\s+(\S+))?/.exec(line) ?? [];
    if (kind !== undefined) section = kind === "backend" || kind === "listen" ? name : "";
    const [, server = "", address = "", port] = /^\s+server\s+(\S+)\s+([^\s:]+)(?::(\d+))?/.exec(line) ?? [];
    if (section === "" || server === "") continue;
    const isAddress = /^\d+(\.\d+){3}$/.test(address);
    servers.set(`${section}/${server}`, { address: isAddress ? address : undefined, port });
  }
  return servers;
}
