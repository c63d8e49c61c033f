import type { NodeDetails } from "../../src/ops/postgres/details.ts";
import type { NodeView, RouterServer, RouterView, Topology } from "../../src/ops/postgres/topology.ts";

/** A primary on timeline 3 as it describes itself. */
export function primaryDetails(node: string, changes: Partial<NodeDetails> = {}): NodeDetails {
  return {
    node,
    role: "primary",
    state: "primary",
    timeline: 3,
    lsn: { current: "0/5000060" },
    streaming: true,
    fenced: false,
    peer: { reachable: true, timeline: 3, role: "standby" },
    systemIdentifier: "7400000000000000001",
    ...changes,
  };
}

/** Its standby, in step. */
export function standbyDetails(node: string, changes: Partial<NodeDetails> = {}): NodeDetails {
  return {
    ...primaryDetails(node),
    role: "standby",
    state: "standby",
    lsn: { receive: "0/5000060", replay: "0/5000060" },
    lagBytes: 0,
    peer: { reachable: true, timeline: 3, role: "primary" },
    ...changes,
  };
}

export function node(details: NodeDetails): NodeView {
  return { name: details.node, address: "10.0.0.1", container: "RUNNING", details };
}

export function silentNode(name: string, container = "RUNNING"): NodeView {
  return { name, address: "10.0.0.1", container };
}

/** A router that has the first node UP and the second DOWN. */
export function router(
  name: string,
  changes: { readonly first?: Partial<RouterServer>; readonly second?: Partial<RouterServer> } = {},
): RouterView {
  const server = { admin: "ready", address: "10.0.0.1", sessions: 0, oldSessions: 0 } as const;
  return {
    name,
    seen: {
      oldWorkers: 0,
      servers: [
        { ...server, node: "postgres-1", isUp: true, ...changes.first },
        { ...server, node: "postgres-2", isUp: false, ...changes.second },
      ],
    },
  };
}

/** Everything as it should be: postgres-1 is the primary, postgres-2 follows, one router. */
export function topology(changes: Partial<Topology> = {}): Topology {
  return {
    nodes: [node(primaryDetails("postgres-1")), node(standbyDetails("postgres-2"))],
    routers: [router("db-router-1")],
    project: "veza-lab",
    notes: [],
    ...changes,
  };
}

export const begun = {
  id: "a-1",
  from: "postgres-1",
  to: "postgres-2",
  by: "ann on desk",
  at: "2026-01-01T00:00:00.000Z",
} as const;
