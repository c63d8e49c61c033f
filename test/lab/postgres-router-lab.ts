import { postgresPorts, postgresSchema } from "../../src/config/postgres.ts";
import type { HaproxyModel } from "../../src/haproxy/model.ts";
import { haproxyUnit } from "../../src/haproxy/render.ts";
import { databaseRouterModel, primaryListen } from "../../src/haproxy/router-model.ts";
import {
  adminSocket,
  masterSocket,
  parseProc,
  parseServersState,
  showProc,
  showServersState,
  type Parsed,
  type Processes,
  type ServerState,
} from "../../src/haproxy/runtime.ts";
import { Containers, type Outcome } from "./support/containers.ts";
import { bridge, gateway, lane, subnet } from "./support/edge-config.ts";

export const router = { name: "pgr-test-router", address: `${subnet}.160` } as const;
const network = { bridge, gateway };

/** Containers that play a node: who connects is told its name, and its health is a file. */
const containers = { 1: "pgr-test-1", 2: "pgr-test-2" } as const;
const addresses = { 1: `${subnet}.161`, 2: `${subnet}.162` } as const;
export type NodeId = keyof typeof containers;
export const nodeIds: readonly NodeId[] = [1, 2];

/** A database router in front of two stand-ins for nodes, in a project of its own on the machine's Incus. */
export class RouterLab {
  readonly #containers: Containers;

  private constructor(all: Containers) {
    this.#containers = all;
  }

  static async open(): Promise<RouterLab> {
    const all = await Containers.openInLane(`veza-test-pgr-${String(lane)}`);
    const lab = new RouterLab(all);
    await all.launch(router.name, "haproxy", router.address);
    for (const id of nodeIds) {
      await all.launch(containers[id], "app", addresses[id]);
      await lab.#startNode(id);
    }
    return lab;
  }

  async close(): Promise<void> {
    await this.#containers.close();
  }

  /** Puts the router's configuration to work as an update does, but for the engine. */
  async deploy({ localNode, change = (model) => model }: RouterChoices = {}): Promise<void> {
    const { exitCode, said } = await this.push({ ...(localNode && { localNode }), change });
    if (exitCode !== 0) throw new Error(said);
  }

  async push({ localNode, change = (model) => model }: RouterChoices): Promise<Outcome> {
    const nodes = nodeIds.map((id) => ({ id, address: addresses[id] }));
    const routers = [{ id: 1, address: router.address, ...(localNode && { localNode }) }];
    const config = postgresSchema.parse({ nodes, routers });
    const model = change(databaseRouterModel(config, { id: 1, address: router.address, localNode }, network));
    return this.#containers.unit(router.name, haproxyUnit(named(model)));
  }

  /** What a node's pg-health says from now on. */
  async says(health: Readonly<Record<NodeId, Health>>): Promise<void> {
    for (const id of nodeIds) await this.nodeSays(id, health[id]);
  }

  async nodeSays(id: NodeId, health: Health): Promise<void> {
    const status = health === "primary" ? "200 OK" : "503 Service Unavailable";
    await this.node(id, `echo '${status}' >/run/status.new && mv /run/status.new /run/status`);
  }

  /** Whether the router takes a node for one that takes writes; as it is checked, whoever checks it. */
  async isUp(id: NodeId): Promise<boolean> {
    const states = await this.servers();
    return (
      states.find(({ backend, server }) => backend === primaryListen && server === nodeName(id))?.health ===
      "up"
    );
  }

  /** Connections that came to a node since it was started. */
  async reached(id: NodeId): Promise<number> {
    return Number(await this.node(id, "wc -l </run/reached"));
  }

  async servers(): Promise<ServerState[]> {
    return this.#ask(adminSocket, showServersState, parseServersState);
  }

  async processes(): Promise<Processes> {
    return this.#ask(masterSocket, showProc, parseProc);
  }

  /** Says a command to the newest worker. */
  async tell(command: string): Promise<string> {
    return this.router(`socat -t 5 - UNIX-CONNECT:${adminSocket} <<'END'\n${command}END`);
  }

  /** Runs shell in the router's container. */
  async router(line: string): Promise<string> {
    return this.#containers.shell(router.name, line);
  }

  /** Runs shell in a node's container. */
  async node(id: NodeId, line: string): Promise<string> {
    return this.#containers.shell(containers[id], line);
  }

  async #startNode(id: NodeId): Promise<void> {
    const health =
      "while IFS= read -r -t 2 line && [ \"${line%$'\\r'}\" ]; do :; done; printf 'HTTP/1.0 %s\\r\\n\\r\\n' \"$(cat /run/status)\"\n";
    const session = `echo >>/run/reached; echo ${String(id)}; exec cat\n`;
    await this.#containers.write(containers[id], "/root/health.sh", health);
    await this.#containers.write(containers[id], "/root/session.sh", session);
    const listen = (unit: string, port: number): string =>
      `systemd-run -q --unit ${unit} socat TCP-LISTEN:${String(port)},fork,reuseaddr,backlog=128 EXEC:'bash /root/${unit}.sh'`;
    await this.node(
      id,
      [
        ": >/run/reached",
        "echo '503 Service Unavailable' >/run/status",
        listen("health", postgresPorts.health),
        listen("session", postgresPorts.pgbouncer),
      ].join("\n"),
    );
  }

  async #ask<T>(socket: string, command: string, parse: (text: string) => Parsed<T>): Promise<T> {
    const text = await this.router(`socat -t 5 - UNIX-CONNECT:${socket} <<'END'\n${command}END`);
    const parsed = parse(text);
    if (!parsed.ok) throw new Error(`${command.trim()}: ${parsed.problem}\n${text}`);
    return parsed.value;
  }
}

export type Health = "primary" | "standby";

export interface RouterChoices {
  readonly localNode?: NodeId;
  readonly change?: (model: HaproxyModel) => HaproxyModel;
}

export function nodeName(id: NodeId): string {
  return `postgres-${String(id)}`;
}

/** Containers of a test have other names than those of a stack. */
function named(model: HaproxyModel): HaproxyModel {
  return {
    ...model,
    listens: model.listens.map((listen) => ({
      ...listen,
      servers: listen.servers.map((server) =>
        server.hostName === undefined
          ? server
          : { ...server, hostName: `pgr-test-${String(server.id)}.incus` },
      ),
    })),
  };
}
