import {
  parseProc,
  parseServersState,
  parseStat,
  type AdminState,
  type ServerState,
} from "../../haproxy/runtime.ts";
import { isDone, type Answer } from "../in-containers.ts";
import { sectionsOf } from "../sections.ts";
import { nodeDetailsSchema, type NodeDetails } from "./details.ts";
import { readNote, type FlipNote } from "./note.ts";
import type { NodePlace, PostgresSite, RouterPlace } from "./site.ts";

/** The pool of a router: one server for each node, named as the node. */
export const routerPool = "pg-primary";

/** Who is what, as everybody concerned said it within the same second or two. */
export interface Topology {
  /** Incus project, on every host. */
  readonly project: string;
  readonly nodes: readonly NodeView[];
  readonly routers: readonly RouterView[];
  /** The flip that was begun and has not been ended; differs where hosts remember different ones. */
  readonly notes: readonly FlipNote[];
}

export interface NodeView {
  readonly name: string;
  readonly address: string;
  /** Of the container, in Incus' words (`RUNNING`, `STOPPED`); empty where there is none. */
  readonly container: string;
  /** What it says of itself; absent where it did not answer. */
  readonly details?: NodeDetails;
}

export interface RouterView {
  readonly name: string;
  /** Absent where it did not answer. */
  readonly seen?: RouterSeen;
}

export interface RouterSeen {
  readonly servers: readonly RouterServer[];
  /** Workers from before a reload: they keep their sessions, and check no node any more. */
  readonly oldWorkers: number;
}

/** One node as a router has it. */
export interface RouterServer {
  readonly node: string;
  readonly admin: AdminState;
  readonly isUp: boolean;
  readonly address: string;
  /** In the worker that takes new connections. */
  readonly sessions: number;
  /** In all workers from before a reload. */
  readonly oldSessions: number;
}

/** What was seen on a host: the note of a flip, empty where there is none, and what each container on it said. */
export interface HostSight {
  readonly note: string;
  readonly answers: readonly Answer[];
}

/** Puts together what was seen; what is on a host that is missing is unknown. */
export function readTopology(site: PostgresSite, hosts: readonly HostSight[]): Topology {
  const notes = hosts.flatMap(({ note }) => readNote(note) ?? []);
  const answers = new Map(
    hosts.flatMap((host) => host.answers.map((answer) => [answer.container, answer] as const)),
  );
  return {
    project: site.project,
    nodes: site.nodes.map((node) => nodeView(node, answers.get(node.name))),
    routers: site.routers.map((router) => routerView(router, answers.get(router.name))),
    notes: notes.filter(({ id }, index) => notes.findIndex((other) => other.id === id) === index),
  };
}

function nodeView({ name, address }: NodePlace, answer: Answer | undefined): NodeView {
  const details = detailsFrom(wholeText(answer));
  return { name, address, container: answer?.state ?? "", ...(details === undefined ? {} : { details }) };
}

function wholeText(answer: Answer | undefined): string {
  return answer !== undefined && isDone(answer) ? answer.text : "";
}

function detailsFrom(text: string): NodeDetails | undefined {
  if (text.trim() === "") return undefined;
  try {
    return nodeDetailsSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function routerView({ name }: RouterPlace, answer: Answer | undefined): RouterView {
  const sections = sectionsOf(wholeText(answer));
  const of = (title: string): string => sections.find((section) => section.title === title)?.body ?? "";
  const states = parseServersState(of("servers"));
  const processes = parseProc(of("processes"));
  if (!states.ok || !processes.ok) return { name };
  const { worker, oldWorkers } = processes.value;
  const current = worker === undefined ? new Map<string, number>() : sessionsIn(of(String(worker.pid)));
  const old = oldWorkers.map(({ pid }) => sessionsIn(of(String(pid))));
  const servers = states.value
    .filter(({ backend }) => backend === routerPool)
    .map((state) => ({
      node: state.server,
      admin: state.admin,
      isUp: isUp(state),
      address: state.address,
      sessions: current.get(state.server) ?? 0,
      oldSessions: old.reduce((sum, sessions) => sum + (sessions.get(state.server) ?? 0), 0),
    }));
  return { name, seen: { servers, oldWorkers: oldWorkers.length } };
}

function isUp({ admin, health }: ServerState): boolean {
  return admin === "ready" && health === "up";
}

/** Sessions of each server of the pool, as one worker's statistics have them. */
function sessionsIn(statistics: string): ReadonlyMap<string, number> {
  const stats = parseStat(statistics);
  if (!stats.ok) return new Map();
  return new Map(
    stats.value
      .filter(({ proxy, kind }) => proxy === routerPool && kind === "server")
      .map(({ name, sessions }) => [name, sessions]),
  );
}
