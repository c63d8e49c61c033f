import Table from "cli-table3";
import pc from "picocolors";
import { serverStatus } from "../../haproxy/runtime.ts";
import { leftInWords, timeInWords } from "../certificates/judge.ts";
import { inWords } from "../postgres/judge.ts";
import { agoInWords, durationInWords, type Findings } from "./judge.ts";
import type { RouterServer } from "../postgres/topology.ts";
import type { HostStatus, LoadBalancerStatus, ServerTraffic, Status, Traffic } from "./status.ts";

type Cell = string | number;

/**
 * A stack on one screen: hosts, containers, load balancers, servers, certificates, database; first what is wrong.
 * @param before what was seen first, for a watch: errors since then are counted beside the others
 */
export function screen(status: Status, findings: Findings, at: Date, before?: Status): string {
  const { stack, hosts, containers, loadBalancers, certificates } = status;
  return [
    pc.bold(`stack ${stack}, ${timeInWords(at).replace(" UTC", `${at.toISOString().slice(16, 19)} UTC`)}`),
    verdict(findings),
    table(["host", "where", "last update"], hosts.map(hostRow)),
    `drift: ${driftInWords(status.drift, at)}`,
    table(
      ["container", "host", "address", "state"],
      containers.map(({ name, host, address, state }) => [name, host, address, containerState(state)]),
    ),
    table(
      ["load balancer", "connections", "requests/s", "5xx"],
      loadBalancers.map((balancer) => balancerRow(balancer, before)),
    ),
    table(
      ["server", "pool", "in", "state", "for", "sessions", "per s", "errors"],
      loadBalancers.flatMap((balancer) => serverRows(balancer, before)),
    ),
    ...certificateTable(certificates),
    ...databaseTables(status),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}

function hostRow({ name, where, update }: HostStatus): Cell[] {
  if ("problem" in update) return [name, where, pc.red("does not answer")];
  const { text, unclean, since } = update.seen;
  const [word = ""] = text.split(" ");
  const when = since === undefined ? "" : `, ${timeInWords(since)}`;
  return [name, where, text === "" ? "none yet" : (unclean ? pc.yellow : pc.green)(word) + when];
}

function driftInWords(drift: Status["drift"], at: Date): string {
  if ("problem" in drift) return pc.yellow("not known");
  if (drift.seen === null) return pc.dim("never looked at");
  const { items, unseen, at: looked } = drift.seen;
  const some = unseen === 0 ? "" : `, ${String(unseen)} not seen`;
  const found = items > 0 ? pc.red(`${String(items)} differ`) : (unseen > 0 ? pc.yellow : pc.green)("none");
  return `${found}${some}, looked ${agoInWords(looked, at)}`;
}

function containerState(state: string): string {
  return (state === "Running" ? pc.green : state === "unknown" ? pc.yellow : pc.red)(state);
}

function balancerRow({ name, traffic }: LoadBalancerStatus, before: Status | undefined): Cell[] {
  if ("problem" in traffic) return [name, pc.red("no answer")];
  const { connections, requestsPerSecond, errors } = traffic.seen;
  const was = trafficOf(before, name)?.errors;
  return [name, connections, requestsPerSecond, counted(errors, was)];
}

function serverRows({ name, traffic }: LoadBalancerStatus, before: Status | undefined): Cell[][] {
  if ("problem" in traffic) return [];
  const was = trafficOf(before, name)?.servers;
  return traffic.seen.servers.map((one) => {
    const { server, pool, sinceSeconds, sessions, perSecond, errors } = one;
    const first = was?.find((other) => other.pool === pool && other.server === server)?.errors;
    const since = sinceSeconds === undefined ? "" : durationInWords(sinceSeconds);
    return [server, pool, name, serverState(one), since, sessions, perSecond, counted(errors, first)];
  });
}

function serverState(server: ServerTraffic): string {
  const seen = serverStatus(server);
  return (seen === "up" ? pc.green : seen === "down" ? pc.red : pc.yellow)(server.status);
}

/** `12`, or `12 (+3)` where three came since the watch began. */
function counted(errors: number, first: number | undefined): string {
  if (first === undefined) return String(errors);
  // A reload begins at 0 again.
  const since = errors - (first > errors ? 0 : first);
  return since > 0 ? `${String(errors)} ${pc.red(`(+${String(since)})`)}` : String(errors);
}

function trafficOf(status: Status | undefined, name: string): Traffic | undefined {
  const traffic = status?.loadBalancers.find((balancer) => balancer.name === name)?.traffic;
  return traffic !== undefined && "seen" in traffic ? traffic.seen : undefined;
}

function certificateTable(certificates: Status["certificates"]): string[] {
  if ("problem" in certificates) return [];
  const rows = certificates.seen.map(({ names, state, daysLeft, problems }) => [
    names.join(" "),
    state === "issued" ? pc.green(state) : pc.red(state),
    daysLeft === null ? "" : (problems.length === 0 ? pc.green : pc.red)(leftInWords(daysLeft)),
  ]);
  return [table(["certificate", "state", "left"], rows)];
}

function databaseTables({ database }: Status): string[] {
  if (database === undefined || "problem" in database) return [];
  const { nodes, routers } = database.seen;
  const nodeRows = nodes.map(({ name, container, details }) => {
    if (details === undefined) return [name, pc.red(container === "" ? "absent" : "no answer"), "", ""];
    const { state, lagBytes, timeline } = details;
    const isWell = state === "primary" || state === "standby";
    const lag = lagBytes === undefined || lagBytes === null ? "" : inWords(lagBytes);
    return [name, (isWell ? pc.green : pc.red)(state), lag, timeline ?? ""];
  });
  const routerRows = routers.map(({ name, seen }) => [
    name,
    seen === undefined ? pc.red("no answer") : seen.servers.map(routed).join(", "),
  ]);
  return [
    table(["database node", "role", "lag", "timeline"], nodeRows),
    table(["router", "sees"], routerRows),
  ];
}

function routed({ node, admin, isUp, sessions, oldSessions }: RouterServer): string {
  const state = admin === "ready" ? (isUp ? "UP" : "DOWN") : admin.toUpperCase();
  return `${node} ${state} with ${String(sessions + oldSessions)} sessions`;
}

function verdict({ problems, notes }: Findings): string {
  return [
    ...notes.map((note) => `${pc.yellow("!")} ${note}`),
    ...problems.map((problem) => `${pc.red("✗")} ${problem}`),
    ...(problems.length === 0 ? [pc.green("All is well.")] : []),
  ].join("\n");
}

/** Without borders: one line a row. Empty without rows. */
function table(head: readonly string[], rows: readonly Cell[][]): string {
  if (rows.length === 0) return "";
  const none = [
    "top",
    "top-mid",
    "top-left",
    "top-right",
    "bottom",
    "bottom-mid",
    "bottom-left",
    "bottom-right",
  ];
  const inner = ["left", "left-mid", "mid", "mid-mid", "right", "right-mid"];
  const made = new Table({
    head: head.map((word) => pc.dim(word)),
    chars: { ...Object.fromEntries([...none, ...inner].map((name) => [name, ""])), middle: "  " },
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  for (const row of rows) made.push([...row, ...Array.from({ length: head.length - row.length }, () => "")]);
  return made.toString().replace(/ +$/gm, "");
}
