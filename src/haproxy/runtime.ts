/**
 * What is said to a running HAProxy over its admin and master sockets, and what its answers mean. Pure text both ways:
 * sending it is the business of whoever reaches the container.
 *
 * Commands: HAProxy's management guide, 9.3 (admin) and 9.4 (master). Every command is one line and ends with a newline.
 */

/** Admin socket of the newest worker: full control, root in the container only. */
export const adminSocket = "/run/haproxy/admin.sock";
/** Socket of the master process, which also reaches old workers. */
export const masterSocket = "/run/haproxy-master.sock";

/** An answer as data, or what is wrong with it; answers cut off on their way are told apart from empty ones. */
export type Parsed<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

/** What an operator wants of a server; kept over reloads and restarts. */
export type AdminState =
  /** Takes part. */
  | "ready"
  /** Finishes what it has; clients bound to it move to other servers. */
  | "drain"
  /** Out at once: no new connections, no checks, and its sessions are cut. */
  | "maint";

/** A server of a backend, by the names in haproxy.cfg. */
export interface ServerName {
  readonly backend: string;
  readonly server: string;
}

/** @throws RangeError for a name that would not stay one word of one command */
export function setServerState(name: ServerName, state: AdminState): string {
  return `set server ${serverPath(name)} state ${state}\n`;
}

/** Cuts every session of a server in the worker that hears it. @throws RangeError as `setServerState` */
export function shutdownSessions(name: ServerName): string {
  return `shutdown sessions server ${serverPath(name)}\n`;
}

export const showServersState = "show servers state\n";
export const showStat = "show stat\n";
/** For the master socket. */
export const showProc = "show proc\n";

/** The same command for one worker, said on the master socket. @throws RangeError when `pid` is not a process id */
export function onWorker(pid: number, command: string): string {
  if (!Number.isInteger(pid) || pid < 1) throw new RangeError(`${String(pid)} is not a process id`);
  return `@!${String(pid)} ${command}`;
}

function serverPath({ backend, server }: ServerName): string {
  for (const name of [backend, server]) {
    if (!/^[A-Za-z0-9_:.-]+$/.test(name))
      throw new RangeError(`${JSON.stringify(name)} is not a name HAProxy knows`);
  }
  return `${backend}/${server}`;
}

/** One line of `show servers state`. */
export interface ServerState extends ServerName {
  readonly id: number;
  readonly address: string;
  readonly port: number;
  readonly health: "down" | "starting" | "up" | "stopping";
  /** What was asked for on this server itself, not inherited from one that it follows. */
  readonly admin: AdminState;
  /** Weight as it was set or as the agent wants it, of `initialWeight`; 0 takes no new sessions. */
  readonly weight: number;
  readonly initialWeight: number;
}

/** Answers to `show servers state`. */
export function parseServersState(text: string): Parsed<ServerState[]> {
  const [version, header, ...lines] = text.split("\n");
  if (version !== "1" || header?.startsWith("# ") !== true || !text.endsWith("\n")) {
    return { ok: false, problem: "not a server state of version 1 with its header; perhaps cut off" };
  }
  const column = new Map(
    header
      .slice(2)
      .split(" ")
      .map((name, index) => [name, index]),
  );
  const states: ServerState[] = [];
  for (const line of lines.filter((one) => one.trim() !== "")) {
    const values = line.split(" ");
    const value = (name: string): string => values[column.get(name) ?? -1] ?? "";
    const number = (name: string): number => (value(name) === "" ? NaN : Number(value(name)));
    const health = (["down", "starting", "up", "stopping"] as const)[number("srv_op_state")];
    const admin = number("srv_admin_state");
    const state = {
      backend: value("be_name"),
      server: value("srv_name"),
      id: number("srv_id"),
      address: value("srv_addr"),
      port: number("srv_port"),
      admin: adminState(admin),
      weight: number("srv_uweight"),
      initialWeight: number("srv_iweight"),
    };
    if (
      values.length !== column.size ||
      health === undefined ||
      [admin, state.id, state.port, state.weight, state.initialWeight].some(Number.isNaN)
    ) {
      return { ok: false, problem: `not a server's state: ${line}` };
    }
    states.push({ ...state, health });
  }
  return { ok: true, value: states };
}

/** Bits of srv_admin_state: 0x01 and 0x04 forced and configured maintenance, 0x20 no address, 0x08 forced drain. */
function adminState(bits: number): AdminState {
  if ((bits & 0x25) !== 0) return "maint";
  return (bits & 0x08) !== 0 ? "drain" : "ready";
}

/** One line of `show stat`: a frontend, a backend, or a server. */
export interface Stat {
  readonly proxy: string;
  /** `FRONTEND`, `BACKEND`, or the server's name. */
  readonly name: string;
  readonly kind: "frontend" | "backend" | "server" | "listener";
  /** HAProxy's own word, e.g. `UP`, `DOWN 1/2`, `DRAIN (agent)`, `MAINT`, `OPEN`. */
  readonly status: string;
  /** Sessions now, in the newest worker only: old workers keep their own. */
  readonly sessions: number;
  /** Requests (of a frontend), or sessions, in the second before. */
  readonly perSecond: number;
  /** Since HAProxy was last reloaded: answers of status 5xx, and connections and answers that failed. */
  readonly errors: number;
  /** Effective weight; absent for frontends. */
  readonly weight?: number;
  /**
   * Weight as it is configured, or as an agent or an operator has set it; absent for frontends. A server that drains
   * has its own still when an operator said `drain`, and 0 when its agent empties it.
   */
  readonly userWeight?: number;
  /** Why the last check ended as it did, e.g. `L4CON in 0ms`; absent for what is not checked. */
  readonly lastCheck?: string;
  /** How the last agent check failed to hear an agent, e.g. `L4CON in 0ms`; absent where it did, or none is asked. */
  readonly agentSilent?: string;
  /** Seconds since UP/DOWN last changed. */
  readonly lastChangeSeconds?: number;
}

const kinds = ["frontend", "backend", "server", "listener"] as const;

/** Answers to `show stat`, and the stats page's `;csv`. */
export function parseStat(text: string): Parsed<Stat[]> {
  const [header, ...rows] = parseCsv(text);
  if (header?.[0] !== "# pxname" || !text.endsWith("\n"))
    return { ok: false, problem: "no header of a statistics table; perhaps cut off" };
  const column = new Map(header.map((name, index) => [name.replace(/^# /, ""), index]));
  const stats: Stat[] = [];
  for (const row of rows) {
    const value = (name: string): string => row[column.get(name) ?? -1] ?? "";
    const optional = (name: string): number | undefined =>
      value(name) === "" ? undefined : Number(value(name));
    const kind = kinds[Number(value("type"))];
    const sessions = optional("scur");
    if (
      row.length < header.length ||
      kind === undefined ||
      sessions === undefined ||
      Number.isNaN(sessions)
    ) {
      return {
        ok: false,
        problem: `not a line of statistics: ${row.slice(0, 6).join(",")}; perhaps cut off`,
      };
    }
    const weight = kind === "frontend" ? undefined : optional("weight");
    const userWeight = kind === "frontend" ? undefined : optional("uweight");
    const lastChangeSeconds = optional("lastchg");
    stats.push({
      proxy: value("pxname"),
      name: value("svname"),
      kind,
      status: value("status"),
      sessions,
      perSecond: optional("req_rate") ?? optional("rate") ?? 0,
      errors: ["econ", "eresp", "hrsp_5xx"].reduce((sum, name) => sum + (optional(name) ?? 0), 0),
      ...(weight === undefined ? {} : { weight }),
      ...(userWeight === undefined ? {} : { userWeight }),
      ...(value("check_status") === ""
        ? {}
        : { lastCheck: lastCheck(value("check_status"), value("check_duration"), value("last_chk")) }),
      ...(unheard.test(value("agent_status"))
        ? { agentSilent: lastCheck(value("agent_status"), value("agent_duration"), value("last_agt")) }
        : {}),
      ...(lastChangeSeconds === undefined ? {} : { lastChangeSeconds }),
    });
  }
  return { ok: true, value: stats };
}

/** Codes of checks that ended without an answer that means anything (manual, 9.1, `check_status`). */
const unheard = /^(\* )?(SOCKERR|L4TOUT|L4CON|L7TOUT|L7RSP)/;

function lastCheck(code: string, milliseconds: string, text: string): string {
  return `${code}${milliseconds === "" ? "" : ` in ${milliseconds}ms`}${text === "" ? "" : `: ${text}`}`;
}

/** How HAProxy sees a server, whatever words its status adds (`UP 1/3`, `DOWN (agent)`). */
export type ServerStatus = "up" | "down" | "drain" | "maint" | "unchecked" | "unknown";

export function serverStatus(stat: Pick<Stat, "status">): ServerStatus {
  if (/^UP\b/.test(stat.status)) return "up";
  if (/^DOWN\b/.test(stat.status)) return "down";
  if (/^DRAIN\b/.test(stat.status)) return "drain";
  if (/^MAINT\b/.test(stat.status)) return "maint";
  return stat.status === "no check" ? "unchecked" : "unknown";
}

/** Fields may be quoted (RFC 4180), and HAProxy's last column is empty: lines end with a comma. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let field = "";
  let quoted = false;
  const end = (): void => {
    row.push(field);
    field = "";
  };
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i);
    if (quoted) {
      if (c !== '"') field += c;
      else if (text.charAt(i + 1) === '"') field += text.charAt(++i);
      else quoted = false;
    } else if (c === '"' && field === "") quoted = true;
    else if (c === ",") end();
    else if (c === "\n") {
      end();
      if (row.some((one) => one !== "")) rows.push(row);
      row = [];
    } else if (c !== "\r") field += c;
  }
  if (field !== "" || row.length > 0) {
    end();
    rows.push(row);
  }
  return rows;
}

/** The processes of one HAProxy. */
export interface Processes {
  readonly master: Process;
  /** Serves new connections. */
  readonly worker: Process | undefined;
  /** Keep the sessions they had when they were replaced, and check no server any more. */
  readonly oldWorkers: readonly Process[];
  /** Reloads that were refused since the last good one. */
  readonly failedReloads: number;
}

export interface Process {
  readonly pid: number;
  /** How many reloads it has lived through. */
  readonly reloads: number;
}

/** Answers to `show proc`. */
export function parseProc(text: string): Parsed<Processes> {
  let section = "workers";
  let master: Process | undefined;
  let failedReloads = 0;
  const workers: Process[] = [];
  const oldWorkers: Process[] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("# ")) section = line.slice(2).trim();
    const match = /^(\d+)\s+(\w+)\s+(\d+)(?: \[failed: (\d+)\])?\s/.exec(line);
    if (!match) continue;
    const process = { pid: Number(match[1]), reloads: Number(match[3]) };
    if (match[2] === "master") {
      master = process;
      failedReloads = Number(match[4] ?? 0);
    } else if (match[2] === "worker") (section === "old workers" ? oldWorkers : workers).push(process);
  }
  if (master === undefined || !text.includes("\n# workers\n")) {
    return { ok: false, problem: "not a whole list of processes; perhaps cut off" };
  }
  return { ok: true, value: { master, worker: workers[0], oldWorkers, failedReloads } };
}
