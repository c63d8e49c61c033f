import type { NodeView, RouterView, Topology } from "./topology.ts";

/** Bytes of WAL that a standby may be behind and still be called in step. */
export const lagLimitBytes = 16 * 1024 * 1024;

/** What somebody on call has to know first. */
export interface Judgement {
  readonly verdict:
    /** One primary, a standby in step, and every router sends writes there. */
    | "well"
    /** Writes find the primary; something beside that is not as it should be. */
    | "degraded"
    /** No node takes writes. */
    | "no-primary"
    /** Two nodes call themselves open for writes; routers refuse them meanwhile. */
    | "split";
  /** The node that takes writes. */
  readonly primary?: string;
  /** What is wrong, and what to do about it. */
  readonly problems: readonly string[];
}

export function judge(topology: Topology): Judgement {
  const open = topology.nodes.filter(({ details }) => details?.state === "primary");
  const [primary, second] = open;
  const problems = [
    ...topology.notes.map(
      ({ from, to, by, at }) =>
        `a flip from ${from} to ${to} (${by}, ${at}) is under way or was cut off: bin/veza flip-db finishes it or takes it back`,
    ),
    ...topology.nodes.flatMap((node) => nodeProblems(node, topology)),
    ...topology.routers.flatMap((router) => routerProblems(router, primary)),
  ];
  if (primary === undefined) return { verdict: "no-primary", problems };
  if (second !== undefined) {
    const names = open.map(({ name }) => name).join(" and ");
    return {
      verdict: "split",
      problems: [
        `${names} both call themselves open for writes. Routers refuse new connections. Find out which one has the newer timeline and commits, then close the other: incus exec NODE --project ${topology.project} -- /usr/local/lib/veza/postgres fence split`,
        ...problems,
      ],
    };
  }
  return { verdict: problems.length === 0 ? "well" : "degraded", primary: primary.name, problems };
}

function nodeProblems({ name, container, details }: NodeView, { project, nodes }: Topology): string[] {
  if (container === "") return [`${name}: there is no such container: bin/pulumi up makes it again`];
  if (container !== "RUNNING")
    return [`${name}: its container is ${container}: incus start ${name} --project ${project}`];
  if (details === undefined) return [`${name}: does not say what it is: journalctl -u veza-postgres in it`];
  switch (details.state) {
    case "primary":
      return [];
    case "standby":
      return standbyProblems(name, details, nodes);
    case "fenced":
      return [
        `${name}: is fenced${typeof details.fenced === "string" && details.fenced !== "" ? ` (${details.fenced})` : ""}: bin/veza rebuild-standby ${name} makes it a standby`,
      ];
    case "stale":
      return [
        `${name}: has an old timeline and takes no writes: bin/veza rebuild-standby ${name} makes it a standby`,
      ];
    case "unconfirmed":
      return [
        `${name}: was started as a primary, and its peer has not said yet that there is no newer one. When the peer is gone for good: bin/veza failover --force`,
      ];
    case "bouncer-down":
      return [`${name}: its PgBouncer does not run: journalctl -u veza-pgbouncer in it`];
    case "hung":
      return [`${name}: Postgres does not answer in time: journalctl -u veza-postgres in it`];
    case "down":
      if ((details.systemIdentifier ?? undefined) === undefined)
        return [`${name}: has no data: bin/veza rebuild-standby ${name} copies the other node's`];
      return [`${name}: Postgres does not run: journalctl -u veza-postgres in it`];
  }
}

function standbyProblems(
  name: string,
  details: NonNullable<NodeView["details"]>,
  nodes: readonly NodeView[],
): string[] {
  const peer = nodes.find((node) => node.name !== name)?.details;
  if (peer?.role === "primary" && details.timeline !== peer.timeline)
    return [
      `${name}: follows timeline ${String(details.timeline ?? "unknown")}, and the primary has ${String(peer.timeline ?? "unknown")}: bin/veza rebuild-standby ${name}`,
    ];
  const lag = details.lagBytes ?? undefined;
  if (lag !== undefined && lag > lagLimitBytes)
    return [`${name}: is ${inWords(lag)} behind the primary: is it catching up? bin/veza topology again`];
  return details.streaming === false ? [`${name}: nothing streams to it from its primary`] : [];
}

function routerProblems({ name, seen }: RouterView, primary: NodeView | undefined): string[] {
  if (seen === undefined) return [`${name}: does not say what it sees: journalctl -u haproxy in it`];
  const problems = seen.servers.flatMap(({ node, admin, isUp, oldSessions }) => {
    if (node !== primary?.name) {
      return [
        ...(isUp ? [`${name}: has ${node} UP, which does not take writes`] : []),
        ...(oldSessions > 0
          ? [`${name}: ${String(oldSessions)} sessions from before a reload are still on ${node}`]
          : []),
        ...(admin === "ready"
          ? []
          : [`${name}: ${node} is in ${admin}: bin/veza flip-db or an operator did that`]),
      ];
    }
    if (admin !== "ready")
      return [`${name}: the primary ${node} is in ${admin}, so nothing is written through it`];
    return isUp ? [] : [`${name}: has the primary ${node} DOWN, so nothing is written through it`];
  });
  return primary !== undefined && !seen.servers.some(({ node }) => node === primary.name)
    ? [...problems, `${name}: does not know ${primary.name}: bin/pulumi up brings its configuration`]
    : problems;
}

/** `512 B`, `1.5 MiB` */
export function inWords(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 ? String(value) : value.toFixed(1)} ${units[power] ?? "B"}`;
}
