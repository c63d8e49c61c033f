import type { Topology } from "../postgres/topology.ts";

/** Why a node must not be copied anew from its peer; empty where it may. */
export function reasonsAgainstRebuild({ project, nodes, notes }: Topology, name: string): readonly string[] {
  const node = nodes.find((one) => one.name === name);
  const peer = nodes.find((one) => one.name !== name);
  if (node === undefined || peer === undefined) return [`there is no node ${name}`];
  return [
    ...notes.map(
      ({ from, to }) =>
        `a flip from ${from} to ${to} was begun and not ended: bin/veza flip-db ends it first`,
    ),
    ...(node.container === "RUNNING"
      ? []
      : [
          `${name}: its container does not run, so nothing can be put into it: incus start ${name} --project ${project}`,
        ]),
    ...(node.details?.state === "primary" ? [`${name} is the primary; its data are the ones to keep`] : []),
    ...(peer.details?.state === "primary"
      ? []
      : [
          `${peer.name} is ${peer.details?.state ?? "silent"}, and only a primary that takes writes can be copied; ${name} may have the only good data`,
        ]),
  ];
}
