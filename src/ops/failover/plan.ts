import type { NodeDetails } from "../postgres/details.ts";
import type { Topology } from "../postgres/topology.ts";

export type FailoverPlan =
  | { readonly kind: "refused"; readonly reasons: readonly string[] }
  | {
      readonly kind: "failover";
      /** The node that is gone. */
      readonly lost: string;
      /** The standby that is to be the primary. */
      readonly to: string;
      /** What may be lost, for a person. */
      readonly loss: string;
      /** Routers that cannot be told: they follow by their checks when they are back. */
      readonly silentRouters: readonly string[];
    };

/** Decides whether a standby may be promoted without its primary. */
export function planFailover({ nodes, routers }: Topology): FailoverPlan {
  const open = nodes.find(({ details }) => details?.state === "primary");
  if (open !== undefined)
    return {
      kind: "refused",
      reasons: [`${open.name} takes writes: a planned change is bin/veza flip-db, and loses nothing`],
    };
  const standbys = nodes.filter(({ details }) => details?.role === "standby");
  const [standby, second] = standbys;
  if (standby?.details === undefined)
    return {
      kind: "refused",
      reasons: [
        "no node says that it is a standby, so there is nothing to promote. A primary that only waits for its peer's word is opened with: incus exec NODE -- /usr/local/lib/veza/postgres confirm",
      ],
    };
  if (second !== undefined)
    return {
      kind: "refused",
      reasons: [
        `${standby.name} and ${second.name} are both standbys; bin/veza topology shows how far each is`,
      ],
    };
  const lost = nodes.find(({ name }) => name !== standby.name);
  if (lost === undefined) return { kind: "refused", reasons: ["there is no second node"] };
  return {
    kind: "failover",
    lost: lost.name,
    to: standby.name,
    loss: lossInWords(lost.name, standby.name, standby.details, lost.details),
    silentRouters: routers.filter(({ seen }) => seen === undefined).map(({ name }) => name),
  };
}

function lossInWords(lost: string, to: string, standby: NodeDetails, old: NodeDetails | undefined): string {
  const { receive, replay } = standby.lsn ?? {};
  const has = receive ?? replay ?? undefined;
  const end = old?.lsn?.current ?? undefined;
  const bytes = has === undefined || end === undefined ? undefined : walBytes(end) - walBytes(has);
  const upTo = has ?? "an unknown place";
  const known =
    bytes === undefined
      ? `how many bytes that is, nobody can say while ${lost} is silent`
      : `${String(Math.max(0, bytes))} bytes of WAL`;
  return `${to} has the WAL of ${lost} up to ${upTo}. Commits that ${lost} has acknowledged after that are lost: ${known}.`;
}

/** A position in the WAL as a number of bytes: `16/B374D848`. */
export function walBytes(lsn: string): number {
  const [high = "0", low = "0"] = lsn.split("/");
  return parseInt(high, 16) * 2 ** 32 + parseInt(low, 16);
}
