import { edgeAddress } from "./edge-config.ts";

/** A server as the load balancer's read-only statistics have it. */
export interface ServerLine {
  /** `UP`, `DOWN`, `DRAIN`, `MAINT` … */
  readonly status: string;
  readonly weight: number;
  /** Sessions that it has now. */
  readonly sessions: number;
}

/** Servers of a pool by name; empty while the load balancer does not answer. */
export async function serversOf(pool: string): Promise<ReadonlyMap<string, ServerLine>> {
  let text: string;
  try {
    const answer = await fetch(`http://${edgeAddress}:9100/stats;csv`, {
      signal: AbortSignal.timeout(3_000),
    });
    text = await answer.text();
  } catch {
    return new Map();
  }
  const [header = "", ...lines] = text.split("\n");
  const columns = header.replace(/^# /, "").split(",");
  const servers = new Map<string, ServerLine>();
  for (const line of lines) {
    const values = line.split(",");
    const at = (column: string): string => values[columns.indexOf(column)] ?? "";
    if (at("pxname") !== pool || at("svname") === "BACKEND") continue;
    servers.set(at("svname"), {
      status: at("status"),
      weight: Number(at("weight")),
      sessions: Number(at("scur")),
    });
  }
  return servers;
}
