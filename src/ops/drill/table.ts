import Table from "cli-table3";
import pc from "picocolors";
import type { LoadReport } from "../load/report.ts";
import type { DrillReport } from "./failover.ts";

/** The report as tables for a terminal: load, WebSockets, promises, verdict. */
export function drillTables(report: DrillReport): string {
  const { kept, promises, load } = report;
  const broken = promises.filter((promise) => !promise.kept).length;
  const verdict = kept
    ? pc.green(`Every promise was kept: ${promises.length} of ${promises.length}.`)
    : pc.red(`${broken} of ${promises.length} promises broken.`);
  return [httpTable(load), webSocketTable(report), promiseTable(report), failures(load), verdict]
    .filter((part) => part !== "")
    .join("\n");
}

function httpTable({ http }: LoadReport): string {
  const table = newTable(["HTTP", "requests", "failed", "p50 ms", "p99 ms", "max ms", "answered by"]);
  for (const group of http) {
    table.push([
      group.name,
      group.requests,
      group.failed,
      group.latency.p50.toFixed(1),
      group.latency.p99.toFixed(1),
      group.latency.max.toFixed(1),
      Object.entries(group.byInstance)
        .map(([instance, count]) => `${instance} ${count}`)
        .join("\n"),
    ]);
  }
  return table.toString();
}

function webSocketTable({ load: { webSockets }, instance }: DrillReport): string {
  if (webSockets === undefined) return "";
  const table = newTable(["WebSockets", "cut", "back on", "reconnect ms", "silence ms", "echoes"]);
  const cut = webSockets.reconnects.filter(({ from }) => from === instance.name);
  const backOn = [...new Set(cut.map(({ to }) => to ?? "nobody"))].join("\n");
  const range = (times: (number | undefined)[]): string => {
    const known = times.filter((time) => time !== undefined);
    return known.length === 0 ? "" : `${Math.min(...known).toFixed(0)}–${Math.max(...known).toFixed(0)}`;
  };
  table.push([
    webSockets.clients,
    cut.length,
    backOn,
    range(cut.map(({ reconnectMs }) => reconnectMs)),
    range(cut.map(({ silenceMs }) => silenceMs)),
    webSockets.echoes,
  ]);
  return table.toString();
}

function promiseTable({ promises }: DrillReport): string {
  const table = newTable(["", "promised", "seen"]);
  for (const { kept, promise, seen } of promises)
    table.push([kept ? pc.green("✓") : pc.red("✗"), promise, seen]);
  return table.toString();
}

function failures({ http }: LoadReport): string {
  return http
    .flatMap(({ name, firstFailures }) =>
      firstFailures
        .slice(0, 5)
        .map(
          ({ atMs, path, reason, latencyMs }) =>
            `  ${(atMs / 1_000).toFixed(2)} s under load: ${name} ${path}: ${reason} after ${latencyMs.toFixed(0)} ms`,
        ),
    )
    .join("\n");
}

function newTable(head: string[]): Table.Table {
  return new Table({ head, style: { head: [], border: [] } });
}
