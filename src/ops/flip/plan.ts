import { inWords, judge } from "../postgres/judge.ts";
import type { FlipNote } from "../postgres/note.ts";
import type { NodeView, RouterView, Topology } from "../postgres/topology.ts";

/** What a flip is going to do, given where things stand. */
export type Plan =
  /** Everything is as it was asked for. */
  | { readonly kind: "nothing"; readonly reason: string }
  | { readonly kind: "refused"; readonly reasons: readonly string[] }
  | { readonly kind: "flip"; readonly from: string; readonly to: string }
  /** An earlier one has promoted: there is no way but on. */
  | { readonly kind: "finish"; readonly from: string; readonly to: string }
  /** An earlier one, or this one, has not promoted: the old primary opens again. */
  | { readonly kind: "back"; readonly from: string; readonly to: string };

export interface FlipAsked {
  /** The node that shall be the primary. @default the one that is not */
  readonly to?: string | undefined;
  /** Bytes of WAL that the standby may be behind before it begins. */
  readonly maxLagBytes: number;
}

/** Decides from what everybody says; a flip that was begun comes first. */
export function planFlip(topology: Topology, asked: FlipAsked): Plan {
  const [note, other] = topology.notes;
  if (note === undefined) return planFresh(topology, asked);
  // Written on one host and not yet on the other: nothing was done, but whatever comes first is the older one's.
  return planBegun(topology, other === undefined ? note : older(note, other));
}

function older(one: FlipNote, other: FlipNote): FlipNote {
  return one.at <= other.at ? one : other;
}

/** A flip that was cut off: what the nodes are says how far it came. */
export function planBegun({ nodes }: Topology, { from, to }: Pick<FlipNote, "from" | "to">): Plan {
  const old = nodes.find(({ name }) => name === from)?.details;
  const next = nodes.find(({ name }) => name === to)?.details;
  if (next?.role === "primary") return { kind: "finish", from, to };
  // One that is silent may be on its way to being the primary.
  const isStandby = next?.role === "standby" && next.state !== "hung";
  // The promotion comes after the old primary is closed: while that one is open, there was none.
  if (isStandby || old?.state === "primary") return { kind: "back", from, to };
  return {
    kind: "refused",
    reasons: [
      `a flip from ${from || "a node"} to ${to || "a node"} was cut off, and ${to || "that node"} does not say whether it was promoted. Nothing was changed, because two primaries are worse than none. Have it answer first (bin/veza topology shows what it does), then run this again. Where ${to || "it"} is gone for good, docs/postgres-operations.md says how ${from || "the other"} opens alone`,
    ],
  };
}

function planFresh(topology: Topology, { to, maxLagBytes }: FlipAsked): Plan {
  const judgement = judge(topology);
  const { primary } = judgement;
  if (primary === undefined || judgement.verdict === "split")
    return { kind: "refused", reasons: ["there is not one primary to flip from", ...judgement.problems] };
  const target = to ?? topology.nodes.find(({ name }) => name !== primary)?.name;
  if (target === primary) return { kind: "nothing", reason: `${primary} is the primary already` };
  const from = topology.nodes.find(({ name }) => name === primary);
  const next = topology.nodes.find(({ name }) => name === target);
  if (from === undefined || next === undefined)
    return { kind: "refused", reasons: [`there is no node ${target ?? ""}`] };
  const reasons = [
    ...standbyProblems(next, from, maxLagBytes),
    ...topology.routers.flatMap((router) => routerProblems(router, from.name, next.name)),
  ];
  if (topology.routers.length === 0) reasons.push("no router is known, so clients could not be led over");
  return reasons.length > 0 ? { kind: "refused", reasons } : { kind: "flip", from: from.name, to: next.name };
}

function standbyProblems({ name, details }: NodeView, from: NodeView, maxLagBytes: number): string[] {
  if (details === undefined) return [`${name} does not answer: bin/veza topology says more`];
  if (details.state !== "standby") return [`${name} is ${details.state}, and only a standby can be promoted`];
  const { timeline, lagBytes, streaming, systemIdentifier } = details;
  const primary = from.details;
  return [
    ...(streaming === true ? [] : [`nothing streams to ${name} from ${from.name}`]),
    ...(timeline !== primary?.timeline
      ? [`${name} follows timeline ${String(timeline)}, ${from.name} has ${String(primary?.timeline)}`]
      : []),
    ...(systemIdentifier !== primary?.systemIdentifier ? [`${name} is no copy of ${from.name}`] : []),
    ...(lagBytes === undefined || lagBytes === null
      ? [`${name} does not say how far it is behind ${from.name}`]
      : lagBytes > maxLagBytes
        ? [`${name} is ${inWords(lagBytes)} behind ${from.name}; the limit is ${inWords(maxLagBytes)}`]
        : []),
  ];
}

/** Every router has to be there, or one would go on sending to the old primary. */
function routerProblems({ name, seen }: RouterView, from: string, to: string): string[] {
  if (seen === undefined) return [`${name} does not answer, and every router has to be told`];
  return [from, to].flatMap((node) => {
    const server = seen.servers.find((one) => one.node === node);
    if (server === undefined)
      return [`${name} does not know ${node}: bin/pulumi up brings its configuration`];
    if (server.admin !== "ready")
      return [`${name} has ${node} in ${server.admin}: an operator's, to be ended first`];
    return node === from && !server.isUp ? [`${name} has ${node} DOWN`] : [];
  });
}
