import { execa } from "execa";
import { fileURLToPath } from "node:url";
import { postgresSchema, type PostgresConfig } from "../../src/config/postgres.ts";
import { haproxyUnit } from "../../src/haproxy/render.ts";
import { databaseRouterModel, primaryListen } from "../../src/haproxy/router-model.ts";
import { flip, type Done, type FlipEnd } from "../../src/ops/flip/flip.ts";
import { look } from "../../src/ops/postgres/look.ts";
import { rebuildStandby } from "../../src/ops/rebuild/rebuild.ts";
import type { FilesSpec } from "../../src/incus/files-body.ts";
import type { PostgresSite } from "../../src/ops/postgres/site.ts";
import type { Topology } from "../../src/ops/postgres/topology.ts";
import {
  loginRole,
  postgresNodes,
  type NodeIdentity,
  type PostgresNodeSpec,
} from "../../src/postgres/model.ts";
import { nodeSecretsUnit, nodeUnit } from "../../src/postgres/node-unit.ts";
import { longestSilence, query, type Acknowledged, type Database } from "./support/commit-client.ts";
import { Containers } from "./support/containers.ts";
import { bridge, gateway, lane, subnet } from "./support/edge-config.ts";
import { WriteLoad } from "./support/write-load.ts";

const project = `veza-test-pgf-${String(lane)}`;
const nodes = [
  { id: 1, name: "pgf-test-1", address: `${subnet}.170` },
  { id: 2, name: "pgf-test-2", address: `${subnet}.171` },
] as const;
export const routerName = "pgf-test-router";
const routerAddress = `${subnet}.172`;
const password = "only-for-a-test-1";

export const site: PostgresSite = {
  project,
  nodes: nodes.map(({ name, address }) => ({ name, address, host: "main" })),
  routers: [{ name: routerName, address: routerAddress, host: "main" }],
  host: () => ({ connection: "local" }),
};

export const database: Database = {
  host: routerAddress,
  port: 6433,
  database: "veza",
  user: loginRole("veza", 1),
  password,
};

/** Two nodes behind a router, in a project and on a bridge of their own, and clients that remember commits. */
export class FlipLab {
  readonly site = site;
  readonly database = database;
  readonly containers: Containers;
  readonly #loads: WriteLoad[] = [];

  private constructor(containers: Containers) {
    this.containers = containers;
  }

  static async open(): Promise<FlipLab> {
    const containers = await Containers.openInLane(project);
    await Promise.all([
      ...nodes.map(({ name, address }) => containers.launch(name, "postgres", address)),
      containers.launch(routerName, "haproxy", routerAddress),
    ]);
    const lab = new FlipLab(containers);
    for (const { name } of nodes) await addDataVolume(name);
    const specs = nodeSpecs();
    await Promise.all(specs.map((spec) => lab.#prepare(spec)));
    for (const { name } of specs) await containers.shell(name, "/usr/local/lib/veza/postgres bootstrap");
    await lab.#apply(routerName, routerUnit());
    await lab.until("the primary takes writes", 30, () => lab.#isWritable());
    await WriteLoad.prepare(database);
    return lab;
  }

  async close(): Promise<void> {
    // Those of a test that has failed still write.
    for (const load of this.#loads) void load.stop();
    await this.containers.close();
  }

  async look(): Promise<Topology> {
    return look(site, (text) => {
      throw new Error(text);
    });
  }

  /** Flips as bin/veza does, without asking. */
  async flip({ dryRun = false } = {}): Promise<{ lines: string[]; end: FlipEnd }> {
    const lines: string[] = [];
    const talk = {
      line: (text: string) => void lines.push(text),
      did: ({ name, seconds }: Done) => void lines.push(`${name} ${seconds.toFixed(2)}`),
      agreed: () => Promise.resolve(true),
    };
    try {
      return { lines, end: await flip(site, { maxLagBytes: 16 * 1024 * 1024 }, talk, { dryRun }) };
    } catch (error) {
      throw new Error([...lines, String(error)].join("\n"), { cause: error });
    }
  }

  /** Begins a flip in a process of its own, and ends that with SIGKILL as soon as the step has been done. */
  async killFlipAfter(step: string): Promise<void> {
    const child = fileURLToPath(new URL("support/flip-child.ts", import.meta.url));
    const place = JSON.stringify({ project, nodes: site.nodes, routers: site.routers });
    const run = await execa(process.execPath, ["--no-warnings", child, place, step], {
      reject: false,
      all: true,
      env: { NODE_OPTIONS: "" },
    });
    if (run.signal !== "SIGKILL") throw new Error(`it ended before '${step}' was done:\n${run.all}`);
  }

  /** Applies the nodes' configuration as an update does, one after the other. */
  async update(changes: Partial<PostgresConfig>): Promise<void> {
    for (const spec of nodeSpecs(changes)) await this.#apply(spec.name, nodeUnit(spec));
  }

  /** How often the router has seen a node go down. */
  async timesDown(node: string): Promise<number> {
    const statistics = await this.containers.shell(
      routerName,
      "echo 'show stat' | socat - /run/haproxy/admin.sock",
    );
    const [header = "", ...lines] = statistics.split("\n").map((line) => line.split(","));
    const at = header.indexOf("chkdown");
    return Number(lines.find(([pool, server]) => pool === primaryListen && server === node)?.[at]);
  }

  /** Rebuilds a node as bin/veza does, without asking, and keeps one snapshot. @returns what it said */
  async rebuild(node: string): Promise<string> {
    const lines: string[] = [];
    const line = (text: string): void => void lines.push(text);
    const talk = { line, progress: line, agreed: () => Promise.resolve(true) };
    await rebuildStandby(site, node, talk, 1).catch((error: unknown) => lines.push(String(error)));
    return lines.join("\n");
  }

  /** Names of the snapshots of a node's data. */
  async snapshots(node: string): Promise<string[]> {
    const words = ["storage", "volume", "snapshot", "list", "default", `${node}-data`];
    return (await incus(...words, "--format", "csv", "--columns", "n"))
      .split("\n")
      .filter((name) => name !== "");
  }

  async startLoad(clients: number): Promise<WriteLoad> {
    const load = await WriteLoad.start(database, clients);
    this.#loads.push(load);
    await this.until("every client has written", 20, () => Promise.resolve(load.isUp()));
    return load;
  }

  /** Flips while the load runs. @returns ms without an acknowledged commit */
  async flipUnderLoad(load: WriteLoad): Promise<{ silence: number; steps: FlipEnd["steps"] }> {
    const begin = performance.now();
    const { end } = await this.flip();
    const ended = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 300));
    return { silence: longestSilence(load.acknowledged(), begin, ended), steps: end.steps };
  }

  /** Acknowledged commits that are not there. */
  async lost(load: WriteLoad): Promise<readonly Acknowledged[]> {
    return load.lost();
  }

  async until(what: string, seconds: number, holds: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + seconds * 1_000;
    while (!(await holds())) {
      if (performance.now() > deadline) throw new Error(`not within ${String(seconds)} s: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async #isWritable(): Promise<boolean> {
    return query(database, "SELECT 1").then(
      () => true,
      () => false,
    );
  }

  async #prepare(spec: PostgresNodeSpec): Promise<void> {
    const passwords = { replicator: "only-for-a-test-2", [database.user]: password };
    await this.#apply(spec.name, nodeSecretsUnit(passwords));
    await this.#apply(spec.name, nodeUnit(spec));
  }

  async #apply(container: string, unit: FilesSpec): Promise<void> {
    const { exitCode, said } = await this.containers.unit(container, unit);
    if (exitCode !== 0) throw new Error(`${container}: ${said}`);
  }
}

/** Incus as an operator uses it, in the project of this lab. */
export async function incus(...words: readonly string[]): Promise<string> {
  const { stdout } = await execa("incus", [...words, "--project", project], {
    stdin: "ignore",
    timeout: 60_000,
  });
  return stdout;
}

async function addDataVolume(node: string): Promise<void> {
  const volume = `${node}-data`;
  await incus("storage", "volume", "create", "default", volume);
  const device = ["pool=default", `source=${volume}`, "path=/var/lib/postgresql"];
  await incus("config", "device", "add", node, `volume-${volume}`, "disk", ...device);
}

// What follows is the program's own, under names that nobody else has.

const config: PostgresConfig = postgresSchema.parse({
  nodes: nodes.map(({ id, address }) => ({ id, address })),
  routers: [{ id: 1, address: routerAddress }],
  slotKeepMiB: 512,
  walKeepMiB: 64,
  connections: 50,
});

function nodeSpecs(changes: Partial<PostgresConfig> = {}): PostgresNodeSpec[] {
  const named = <T extends NodeIdentity>(identity: T): T => {
    const name = nodes.find(({ address }) => address === identity.address)?.name ?? "";
    return { ...identity, name, slot: name.replaceAll("-", "_") };
  };
  return postgresNodes({ ...config, ...changes }).map((spec) => ({
    ...named(spec),
    peer: named(spec.peer),
    initialPrimary: nodes[0].name,
  }));
}

function routerUnit(): FilesSpec {
  const router = { id: 1, address: routerAddress };
  const model = databaseRouterModel(config, router, { bridge, gateway });
  const listens = model.listens.map((listen) => ({
    ...listen,
    servers: listen.servers.map((server) => ({
      ...server,
      name: nodes.find(({ id }) => id === server.id)?.name ?? server.name,
    })),
  }));
  return haproxyUnit({ ...model, listens });
}
