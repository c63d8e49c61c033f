import { nodeDetailsSchema, type NodeDetails } from "../postgres/details.ts";
import type { RecordedCommand } from "../recorded.ts";
import type { Drift, Place } from "./item.ts";

/** A database node, and what it says of itself; undefined where it says nothing. */
export interface SeenNode {
  readonly at: Place & { readonly container: string };
  readonly details: NodeDetails | undefined;
  /** What its configuration was applied with. */
  readonly command: RecordedCommand;
  /** Whether its peer does not let it in with the password that was applied. */
  readonly isRefused: boolean;
}

/** What a node has printed about itself; undefined where that is not what a node prints. */
export function readDetails(text: string): NodeDetails | undefined {
  if (text === "") return undefined;
  try {
    return nodeDetailsSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/**
 * What must hold between the nodes, whichever of them is the primary. Nothing here is repaired by applying something
 * again: which node takes writes is for people to decide.
 */
export function topologyDrift(nodes: readonly SeenNode[]): readonly Drift[] {
  const primaries = nodes.filter(({ details }) => details?.state === "primary");
  const drift = ({ at }: SeenNode, says: string): Drift => ({
    ...{ ...at, kind: "topology", subject: at.container },
    says,
    mends: [],
  });
  const [first] = nodes;
  if (first === undefined) return [];
  const names = primaries.map(({ at }) => at.container).join(" and ");
  const count =
    primaries.length === 0 && nodes.every(({ details }) => details !== undefined)
      ? [drift(first, "no node takes writes: bin/veza topology says why")]
      : primaries.length > 1
        ? [drift(first, `${names} both say that they are the primary: bin/veza topology says what to do`)]
        : [];
  return [...count, ...nodes.flatMap((node) => nodeWords(node).map((says) => drift(node, says)))];
}

/** Where a primary has another password for replication than the one that was applied: only its standby can tell. */
export function replicatorDrift(nodes: readonly SeenNode[]): readonly Drift[] {
  const primary = nodes.find(({ details }) => details?.state === "primary");
  const refused = nodes.find(({ isRefused }) => isRefused);
  if (primary === undefined || refused === undefined) return [];
  return [
    {
      ...{ ...primary.at, kind: "role", subject: "replicator" },
      says: `its password is not the one that was applied: ${refused.at.container} is not let in`,
      mends: [{ do: "apply", command: primary.command }],
    },
  ];
}

function nodeWords({ at, details }: SeenNode): string[] {
  const rebuild = `bin/veza rebuild-standby ${at.container} copies it anew`;
  switch (details?.state) {
    case undefined:
      return ["it does not say what it is: journalctl -u veza-postgres in it"];
    case "primary":
    case "fenced":
      return [];
    case "standby":
      return details.streaming === false ? [`it is a standby, and nothing streams to it: ${rebuild}`] : [];
    case "stale":
      return [`it has an old timeline and takes no part: ${rebuild}`];
    case "unconfirmed":
      return ["it waits for its peer to say that it may be the primary: bin/veza topology"];
    case "bouncer-down":
      return ["its PgBouncer does not run: journalctl -u veza-pgbouncer in it"];
    case "hung":
    case "down":
      return [
        `Postgres ${details.state === "hung" ? "does not answer" : "does not run"}: journalctl -u veza-postgres in it`,
      ];
  }
}
