import Table from "cli-table3";
import pc from "picocolors";
import { inWords, type Judgement } from "./judge.ts";
import type { RouterView, Topology } from "./topology.ts";

/** For a terminal: nodes, routers, then what is wrong and what to do, in words. */
export function topologyTables(topology: Topology, judgement: Judgement): string {
  return [nodeTable(topology), ...routerTable(topology.routers), ...verdict(judgement)].join("\n");
}

function nodeTable({ nodes }: Topology): string {
  const table = new Table({
    head: ["node", "address", "state", "timeline", "LSN", "lag", "peer"],
    style: { head: [], border: [] },
  });
  for (const { name, address, container, details } of nodes) {
    if (details === undefined) {
      table.push([name, address, pc.red(container === "" ? "absent" : "no answer"), "", "", "", ""]);
      continue;
    }
    const { state, timeline, lsn, lagBytes, peer } = details;
    const isWell = state === "primary" || state === "standby";
    table.push([
      name,
      address,
      isWell ? pc.green(state) : pc.red(state),
      timeline ?? "",
      lsn?.current ?? lsn?.replay ?? "",
      lagBytes === undefined || lagBytes === null ? "" : inWords(lagBytes),
      peer?.reachable === true ? `sees a ${peer.role ?? "node"}` : "not reached",
    ]);
  }
  return table.toString();
}

function routerTable(routers: readonly RouterView[]): string[] {
  if (routers.length === 0) return [];
  const nodes = [...new Set(routers.flatMap(({ seen }) => seen?.servers.map(({ node }) => node) ?? []))];
  const table = new Table({ head: ["router", ...nodes, "old workers"], style: { head: [], border: [] } });
  for (const { name, seen } of routers) {
    if (seen === undefined) {
      table.push([name, pc.red("no answer")]);
      continue;
    }
    const cells = nodes.map((node) => {
      const server = seen.servers.find((one) => one.node === node);
      if (server === undefined) return "unknown to it";
      const status = server.admin === "ready" ? (server.isUp ? "UP" : "DOWN") : server.admin.toUpperCase();
      return `${status}, ${String(server.sessions + server.oldSessions)} sessions`;
    });
    table.push([name, ...cells, seen.oldWorkers]);
  }
  return [table.toString()];
}

function verdict({ verdict: kind, primary, problems }: Judgement): string[] {
  const first = {
    well: pc.green(`Writes go to ${primary ?? ""}, and its standby is in step.`),
    degraded: pc.yellow(`Writes go to ${primary ?? ""}, and not all is well.`),
    "no-primary": pc.red("No node takes writes."),
    split: pc.red("Two nodes are open for writes."),
  }[kind];
  return [first, ...problems.map((problem) => `${pc.red("✗")} ${problem}`)];
}
