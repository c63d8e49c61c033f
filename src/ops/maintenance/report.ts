import Table from "cli-table3";
import pc from "picocolors";
import type { MapView } from "./map.ts";
import type { Judgement, LoadBalancerState, MaintenanceState } from "./state.ts";

/** For a terminal: who is closed, what runs, then what that comes to, in words. */
export function maintenanceTables(state: MaintenanceState, judgement: Judgement): string {
  return [
    loadBalancerTable(state.loadBalancers),
    ...serviceTable(state.services),
    ...verdict(state, judgement),
  ].join("\n");
}

function loadBalancerTable(loadBalancers: readonly LoadBalancerState[]): string {
  const table = new Table({
    head: ["load balancer", "clients", "let through by config", "let through now"],
    style: { head: [], border: [] },
  });
  for (const { name, silence, live, file, allowedByConfig } of loadBalancers)
    table.push([
      name,
      silence === undefined ? clients(live, file) : pc.red("no answer"),
      allowedByConfig.join("\n"),
      (live ?? file).allow.join("\n"),
    ]);
  return table.toString();
}

function clients(live: MapView | undefined, file: MapView): string {
  if (live === undefined) return pc.red(`no HAProxy${file.closed ? ", closed when it starts" : ""}`);
  return live.closed ? pc.yellow("closed out") : pc.green("served");
}

function serviceTable(services: MaintenanceState["services"]): string[] {
  if (services.length === 0) return [];
  const table = new Table({ head: ["instance", "service", ""], style: { head: [], border: [] } });
  for (const { name, service, silence, state, keptStopped } of services)
    table.push([
      name,
      silence === undefined ? `${service} ${colour(state)}` : pc.red("no answer"),
      keptStopped ? "kept stopped" : "",
    ]);
  return [table.toString()];
}

function colour(state: string): string {
  return state === "active" ? pc.green(state) : pc.yellow(state);
}

function verdict({ services }: MaintenanceState, { verdict: kind, problems }: Judgement): string[] {
  const kept = services.filter(({ keptStopped }) => keptStopped).length;
  const first = {
    open: pc.green("No maintenance: clients are served."),
    closed: pc.yellow(
      `In maintenance: clients see the page${kept > 0 ? ", and the applications are stopped" : "; the applications run for those who are let through"}.`,
    ),
    mixed: pc.red("Half in maintenance. bin/veza maintenance up or down makes it whole."),
    unknown: pc.red("No load balancer says whether there is a maintenance."),
  }[kind];
  return [first, ...problems.map((problem) => `${pc.red("✗")} ${problem}`)];
}
