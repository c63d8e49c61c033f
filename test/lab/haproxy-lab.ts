import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleStandIns, type StandIn } from "../../lab/bundle.ts";
import { loadBalancerSchema } from "../../src/config/load-balancer.ts";
import type { PoolServer, Pools } from "../../src/config/pool.ts";
import type { FilesSpec } from "../../src/incus/files-body.ts";
import { certificateUnit } from "../../src/haproxy/certificate.ts";
import { loadBalancerModel } from "../../src/haproxy/model.ts";
import { haproxyUnit } from "../../src/haproxy/render.ts";
import {
  adminSocket,
  masterSocket,
  parseProc,
  parseServersState,
  parseStat,
  showProc,
  showServersState,
  showStat,
  type Parsed,
  type Processes,
  type ServerState,
  type Stat,
} from "../../src/haproxy/runtime.ts";
import type { Certificates } from "../../src/haproxy/tls.ts";
import { Containers, type Outcome } from "./support/containers.ts";

const project = "veza-test-haproxy";
/** Names of containers are unique on a bridge, over all projects; these meet nobody else's. */
const names = { haproxy: "haproxy-test-edge", apps: "haproxy-test-apps" } as const;
type Name = keyof typeof names;
/** Where operators find the load balancer. */
export const edgePlace = { project, name: names.haproxy } as const;
const network = { bridge: "incusbr0", gateway: "10.77.0.1/24" };

/** The load balancer's own address, and that of the container in which all applications run. */
export const edge = "10.77.0.60";
export const applications = "10.77.0.61";

/** Two API servers and four stream servers, told apart by their ports. */
const running: readonly { app: StandIn; server: PoolServer }[] = [
  ...[1, 2].map((id) => application("backend-api", id, 8_000)),
  ...[1, 2, 3, 4].map((id) => application("stream-server", id, 8_100)),
];
export const apiServers = running.filter(({ app }) => app === "backend-api").map(({ server }) => server);
export const streamServers = running.filter(({ app }) => app === "stream-server").map(({ server }) => server);

/** A load balancer in front of stand-in applications, in a project of its own on the machine's Incus. */
export class HaproxyLab {
  readonly #containers: Containers;

  private constructor(containers: Containers) {
    this.#containers = containers;
  }

  static async open(): Promise<HaproxyLab> {
    const containers = await Containers.open(project);
    await Promise.all([
      containers.launch(names.haproxy, "haproxy", edge),
      containers.launch(names.apps, "app", applications),
    ]);
    const lab = new HaproxyLab(containers);
    await lab.#startApplications();
    return lab;
  }

  async close(): Promise<void> {
    await this.#containers.close();
  }

  /** Puts a configuration to work as an update does, but for the engine. */
  async push(
    config: object = {},
    pools: Partial<Pools> = {},
    certificates?: Certificates,
    maintenancePage?: string,
  ): Promise<Outcome> {
    return this.#run("apply", config, pools, certificates, maintenancePage);
  }

  /** Takes away what `push()` brought, as an update does that no longer has it. */
  async remove(): Promise<Outcome> {
    return this.#run("delete", {}, {}, undefined);
  }

  async #run(
    action: "apply" | "delete",
    config: object,
    pools: Partial<Pools>,
    certificates: Certificates | undefined,
    maintenancePage?: string,
  ): Promise<Outcome> {
    const parsed = loadBalancerSchema.parse({ instances: [{ address: edge }], ...config });
    const servers = { api_pool: apiServers, stream_pool: streamServers, ...pools };
    const model = loadBalancerModel(parsed, servers, network, certificates, maintenancePage);
    const unit = haproxyUnit(model);
    return this.#containers.unit(names.haproxy, unit, { action });
  }

  /** Brings a certificate (chain and key) as an update does, but for the engine. */
  async certify(pem: string): Promise<Outcome> {
    return this.#containers.unit(names.haproxy, certificateUnit(pem));
  }

  /** Takes away what `certify()` brought last, as an update does that no longer has it. */
  async uncertify(pem: string): Promise<Outcome> {
    return this.#containers.unit(names.haproxy, certificateUnit(pem), { action: "delete" });
  }

  /** Applies another unit of the load balancer's container, or takes it away. @throws Error with what was said */
  async unit(spec: FilesSpec, action: "apply" | "delete" = "apply"): Promise<void> {
    const { exitCode, said } = await this.#containers.unit(names.haproxy, spec, { action });
    if (exitCode !== 0) throw new Error(said);
  }

  /** Pushes what has to be accepted. @throws Error with what was said otherwise */
  async deploy(...configuration: Parameters<HaproxyLab["push"]>): Promise<void> {
    const { exitCode, said } = await this.push(...configuration);
    if (exitCode !== 0) throw new Error(said);
  }

  /** Stops and starts the container as a host's reboot does. */
  async reboot(name: Name): Promise<void> {
    await this.#containers.restart(names[name]);
  }

  /** What the instance's agent answers from now on, e.g. `up`, `0%`, `down`; HAProxy asks every second. */
  async agent(server: PoolServer, answer: string): Promise<void> {
    await this.shell("apps", `echo '${answer}' >/run/agent-${server.name}`);
  }

  async servers(): Promise<ServerState[]> {
    return this.#ask(adminSocket, showServersState, parseServersState);
  }

  async server(pool: string, { name }: PoolServer): Promise<ServerState | undefined> {
    return (await this.servers()).find((one) => one.backend === pool && one.server === name);
  }

  async statistics(): Promise<Stat[]> {
    return this.#ask(adminSocket, showStat, parseStat);
  }

  async processes(): Promise<Processes> {
    return this.#ask(masterSocket, showProc, parseProc);
  }

  /** Says a command to the newest worker. */
  async tell(command: string): Promise<string> {
    return this.shell("haproxy", `socat -t 5 - UNIX-CONNECT:${adminSocket} <<'END'\n${command}END`);
  }

  /** Runs shell in a container and returns what it printed; throws when it fails. */
  async shell(name: Name, line: string): Promise<string> {
    return this.#containers.shell(names[name], line);
  }

  async write(name: Name, path: string, content: string): Promise<void> {
    await this.#containers.write(names[name], path, content);
  }

  async #ask<T>(socket: string, command: string, parse: (text: string) => Parsed<T>): Promise<T> {
    const text = await this.shell("haproxy", `socat -t 5 - UNIX-CONNECT:${socket} <<'END'\n${command}END`);
    const parsed = parse(text);
    if (!parsed.ok) throw new Error(`${command.trim()}: ${parsed.problem}\n${text}`);
    return parsed.value;
  }

  async #startApplications(): Promise<void> {
    const directory = await mkdtemp(join(tmpdir(), "veza-haproxy-"));
    try {
      for (const { app, path } of await bundleStandIns(directory)) {
        await this.write("apps", `/root/${app}.mjs`, await readFile(path, "utf8"));
      }
    } finally {
      await rm(directory, { recursive: true });
    }
    const lines = running.flatMap(({ app, server: { name, port, agentPort } }) => [
      `systemd-run -q --unit ${name} -E PORT=${String(port)} -E INSTANCE=${name} node /root/${app}.mjs`,
      `echo up >/run/agent-${name}`,
      `systemd-run -q socat TCP-LISTEN:${String(agentPort)},fork,reuseaddr OPEN:/run/agent-${name},rdonly`,
    ]);
    const answering = running.map(
      ({ server: { port } }) =>
        `curl -s -o /dev/null --retry 100 --retry-connrefused --retry-delay 1 --max-time 50 http://127.0.0.1:${String(port)}/health`,
    );
    await this.shell("apps", [...lines, ...answering].join("\n"));
  }
}

/** Waits until something holds. @throws Error naming it after the limit */
export async function until(
  what: string,
  limitSeconds: number,
  holds: () => Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + limitSeconds * 1_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${String(limitSeconds)} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function application(app: StandIn, id: number, base: number): { app: StandIn; server: PoolServer } {
  const name = `${app}-${String(id)}`;
  const port = base + id;
  return { app, server: { id, name, address: applications, port, agentPort: port + 1_000 } };
}
