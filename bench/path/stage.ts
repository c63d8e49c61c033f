import { execa } from "execa";
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { z } from "zod";
import type { Pools, PoolServer } from "../../src/config/pool.ts";
import type { FilesSpec } from "../../src/incus/files-body.ts";
import { imagesSchema } from "../../src/config/incus.ts";
import type { ImageSpec } from "../../src/incus/image.ts";
import { Containers } from "../../test/lab/support/containers.ts";
import { subnet } from "../../test/lab/support/edge-config.ts";
import { until } from "../../test/lab/support/until.ts";
import { SetupError } from "../../tools/machine/setup-error.ts";
import { kinds, type Kind } from "./contender.ts";
import type { Programs } from "./programs.ts";

const project = "veza-bench-path";
const serversAddress = `${subnet}.40`;
const usual = imagesSchema.parse({});

/** What load balancers are made from. */
const images = {
  haproxy: { name: "haproxy", spec: usual.haproxy },
  nginx: { name: "bench-nginx", spec: { ...usual.app, packages: ["nginx"] } },
} as const satisfies Record<string, { name: string; spec: ImageSpec }>;

const answer = z.object({
  done: z.number(),
  asked: z.number(),
  failed: z.number(),
  failure: z.string(),
  seconds: z.number(),
  p50: z.number(),
  p99: z.number(),
  resumed: z.number(),
});
/** What clients saw; times are in microseconds. See talk/ask.go. */
export type Answer = z.infer<typeof answer>;

/** Nanoseconds for which processes have run so far. */
export interface ProcessorTime {
  readonly balancer: number;
  /** Of whoever stores its log. */
  readonly log: number;
}

/**
 * Clients, servers and what is compared, each in a container of its own in a project of their own. Load balancers run on
 * the first core of the machine, with one thread each, and one of them at a time has something to do; clients and
 * servers have all the other cores.
 */
export class Stage {
  readonly #containers: Containers;
  #balancers = 0;

  private constructor(containers: Containers) {
    this.#containers = containers;
  }

  static async open({ talk }: Programs): Promise<Stage> {
    const cores = availableParallelism();
    if (cores < 2) throw new SetupError("npm run bench path needs a machine with two cores or more");
    const containers = await Containers.openInLane(project);
    const stage = new Stage(containers);
    try {
      const others = `1-${String(cores - 1)}`;
      const { haproxy } = images;
      await containers.launch("servers", haproxy, serversAddress);
      await containers.launch("clients", haproxy, `${subnet}.41`);
      for (const name of ["servers", "clients"]) {
        await stage.#pin(name, others);
        await stage.install(name, "/root/talk", talk);
      }
      const ports = [...pools.api_pool, ...pools.stream_pool].map(({ port }) => port);
      await stage.start("servers", `/root/talk serve ${ports.join(" ")}`, directly);
      return stage;
    } catch (error) {
      await stage.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#containers.close();
  }

  /** A container for a load balancer. @returns its address */
  async balancer(name: string, image: keyof typeof images): Promise<string> {
    const address = `${subnet}.${String(50 + this.#balancers++)}`;
    await this.#containers.launch(name, images[image], address);
    await this.#pin(name, "0-0");
    const script = await readFile(new URL("processor-time.sh", import.meta.url));
    await this.#containers.write(name, "/root/processor-time", script);
    return address;
  }

  /** Puts a configuration of a peer into its container; `servers` in it becomes their address. */
  async configure(container: string, file: string): Promise<void> {
    const text = await readFile(new URL(`peers/${file}`, import.meta.url), "utf8");
    await this.write(container, `/etc/peer/${file}`, text.replaceAll("servers:", `${serversAddress}:`));
  }

  async write(container: string, path: string, text: string): Promise<void> {
    await this.#containers.write(container, path, text);
  }

  /** Puts a program of this machine into a container. */
  async install(container: string, path: string, from: string): Promise<void> {
    await this.#containers.write(container, path, await readFile(from));
    await this.shell(container, `chmod 755 ${path}`);
  }

  /**
   * Runs a program as a service, whose log is kept as that of the edge is, until the servers answer there.
   * @throws Error with its last words when they do not
   */
  async start(container: string, command: string, to: string): Promise<void> {
    const properties = "-p LimitNOFILE=65536 -p LogRateLimitIntervalSec=0";
    await this.shell(container, `systemd-run -q --unit bench ${properties} ${command}`);
    try {
      await until(`http://${to}/ is answered by the servers`, () => isAnswered(to));
    } catch (error) {
      const said = await this.shell(container, "journalctl -u bench -o cat -n 20 --no-pager");
      throw new Error(`${command} in container ${container} is of no use; its last words:\n${said}`, {
        cause: error,
      });
    }
  }

  /** @returns what it printed */
  async shell(container: string, line: string): Promise<string> {
    return this.#containers.shell(container, line);
  }

  /** Applies a unit of files as an update does. @throws Error with what was said */
  async apply(container: string, unit: FilesSpec): Promise<void> {
    const { exitCode, said } = await this.#containers.unit(container, unit);
    if (exitCode !== 0) throw new Error(said);
  }

  /** @param rate questions per second; 0: as many as are answered */
  async ask(kind: Kind, to: string, seconds: number, rate: number): Promise<Answer> {
    const options = { to, kind, clients: kinds[kind].clients, seconds, rate };
    const words = Object.entries(options).map(([name, value]) => `-${name} ${String(value)}`);
    return answer.parse(JSON.parse(await this.shell("clients", `/root/talk ask ${words.join(" ")}`)));
  }

  async processorTime(container: string, program: string): Promise<ProcessorTime> {
    const said = await this.shell(container, `bash /root/processor-time ${program}`);
    const [balancer = NaN, log = NaN] = said.trim().split("\n").map(Number);
    return { balancer, log };
  }

  async #pin(container: string, cores: string): Promise<void> {
    const words = ["config", "set", container, `limits.cpu=${cores}`, "--project", project];
    await execa("incus", words, { stdin: "ignore", timeout: 60_000 });
  }
}

/** Two servers of each fleet, told apart by their ports. */
export const pools: Pools = {
  api_pool: [1, 2].map((id) => server("backend-api", id, 8080)),
  stream_pool: [1, 2].map((id) => server("stream-server", id, 8180)),
};

/** A server, as clients see it without a load balancer. */
export const directly = `${serversAddress}:8081`;

function server(fleet: string, id: number, base: number): PoolServer {
  const port = base + id;
  return { id, name: `${fleet}-${String(id)}`, address: serversAddress, port, agentPort: port + 1000 };
}

async function isAnswered(to: string): Promise<boolean> {
  return fetch(`http://${to}/`).then(
    async (response) => (await response.text()).includes('"service":"bench"'),
    () => false,
  );
}
