import { z } from "zod";
import { postgresPorts as ports } from "../../src/config/postgres.ts";
import type { FilesSpec } from "../../src/incus/files-body.ts";
import { postgresNodes, type ClusterConfig, type PostgresNodeSpec } from "../../src/postgres/model.ts";
import { nodeSecretsUnit, nodeUnit, type Passwords } from "../../src/postgres/node-unit.ts";
import { Containers, type Outcome } from "./support/containers.ts";
import { lane, subnet } from "./support/edge-config.ts";

const project = `veza-test-pg-${String(lane)}`;
export const addresses = { 1: `${subnet}.150`, 2: `${subnet}.151` } as const;
export type NodeId = keyof typeof addresses;
const ids: readonly NodeId[] = [1, 2];

export const passwords: Passwords = { replicator: "for-a-test-1", veza_a: "for-a-test-2" };

const details = z.object({
  node: z.string(),
  role: z.string(),
  state: z.string(),
  timeline: z.number().nullable(),
  lagBytes: z.number().nullable(),
  streaming: z.boolean(),
  fenced: z.union([z.literal(false), z.string()]),
  peer: z.object({ reachable: z.boolean(), role: z.string().nullable() }),
  systemIdentifier: z.string().nullable(),
});
export type Details = z.infer<typeof details>;

/** How pg-health answered a router's question. */
export interface Health {
  readonly status: number;
  readonly text: string;
  readonly seconds: number;
}

/** The two nodes of a cluster in containers of a project of their own, and what can happen to them. */
export class PostgresLab {
  readonly #containers: Containers;

  private constructor(containers: Containers) {
    this.#containers = containers;
  }

  /** Containers with all that is in a node but data. */
  static async open(): Promise<PostgresLab> {
    const lab = new PostgresLab(await Containers.openInLane(project));
    await Promise.all(ids.map((id) => lab.#containers.launch(container(id), "postgres", addresses[id])));
    await Promise.all(
      ids.map(async (id) => {
        await lab.secrets(id);
        await lab.configure(id);
      }),
    );
    return lab;
  }

  async close(): Promise<void> {
    await this.#containers.close();
  }

  /** Applies a node's configuration as an update does. @throws Error with what was said */
  async configure(id: NodeId, changes: Partial<ClusterConfig> = {}): Promise<string> {
    return this.#apply(id, nodeUnit(spec(id, changes)));
  }

  /** Applies a node's passwords as an update does. @throws Error with what was said */
  async secrets(id: NodeId, secrets = passwords): Promise<string> {
    return this.#apply(id, nodeSecretsUnit(secrets));
  }

  async #apply(id: NodeId, unit: FilesSpec): Promise<string> {
    const { exitCode, said } = await this.#containers.unit(container(id), unit);
    if (exitCode !== 0) throw new Error(said);
    return said;
  }

  /** Runs a verb of the node's program; one that fails is an outcome too. */
  async verb(id: NodeId, ...words: readonly string[]): Promise<Outcome> {
    const line = `status=0; /usr/local/lib/veza/postgres ${words.join(" ")} 2>&1 || status=$?; echo "exit $status"`;
    const said = await this.shell(id, line);
    const [, text = "", status = ""] = /^([^]*)exit (\d+)\n$/.exec(said) ?? [];
    return { exitCode: Number(status), said: text };
  }

  async health(id: NodeId): Promise<Health> {
    const begin = performance.now();
    try {
      const response = await fetch(`http://${addresses[id]}:${String(ports.health)}/`, {
        signal: AbortSignal.timeout(5_000),
      });
      const text = (await response.text()).trim();
      return { status: response.status, text, seconds: (performance.now() - begin) / 1_000 };
    } catch (error) {
      return { status: 0, text: String(error), seconds: (performance.now() - begin) / 1_000 };
    }
  }

  async details(id: NodeId): Promise<Details> {
    const response = await fetch(`http://${addresses[id]}:${String(ports.health)}/details`, {
      signal: AbortSignal.timeout(5_000),
    });
    return details.parse(await response.json());
  }

  async metrics(id: NodeId): Promise<string> {
    const response = await fetch(`http://${addresses[id]}:${String(ports.health)}/metrics`);
    return response.text();
  }

  /** Runs SQL as the application does, through that node's PgBouncer; `refused: …` with the reason when it fails. */
  async sql(id: NodeId, text: string, role = "veza_a", secrets = passwords): Promise<string> {
    const url = `postgresql://${role}:${secrets[role] ?? ""}@${addresses[id]}:${String(ports.pgbouncer)}/veza?connect_timeout=3`;
    // Asked from the other node, so that it comes over the bridge, as clients do.
    const said = await this.shell(
      other(id),
      `timeout 8 psql -XAtq '${url}' -c "${text}" 2>&1 || echo "refused $?"`,
    );
    return /refused \d+\n$/.test(said) ? `refused: ${said.trim()}` : said.trimEnd();
  }

  /** Runs SQL as the superuser inside. */
  async superuser(id: NodeId, text: string): Promise<string> {
    return (await this.shell(id, `runuser -u postgres -- psql -XAtqd veza -c "${text}"`)).trimEnd();
  }

  async shell(id: NodeId, line: string): Promise<string> {
    return this.#containers.shell(container(id), line);
  }

  /** Stops and starts the container as a host's reboot does. */
  async reboot(id: NodeId): Promise<void> {
    await this.#containers.restart(container(id));
  }

  /** Keeps the nodes from reaching each other; whoever else asks them gets answers. */
  async cut(): Promise<void> {
    await Promise.all(
      ids.map((id) => this.shell(id, `ip route replace blackhole ${addresses[other(id)]}/32`)),
    );
  }

  async mend(): Promise<void> {
    await Promise.all(
      ids.map((id) => this.shell(id, `ip route del blackhole ${addresses[other(id)]}/32 2>/dev/null || :`)),
    );
  }

  /** The running Postgres, told from one that was started before or since. */
  async postmaster(id: NodeId): Promise<string> {
    return (
      await this.shell(id, "sed -n '1p;3p' /var/lib/postgresql/17/veza/postmaster.pid | tr '\\n' ' '")
    ).trim();
  }

  /** Waits for pg-health's answer. @returns seconds that it took @throws Error with what it was instead */
  async untilHealth(id: NodeId, text: string, limitSeconds = 30): Promise<number> {
    const begin = performance.now();
    for (;;) {
      const health = await this.health(id);
      const seconds = (performance.now() - begin) / 1_000;
      if (health.text === text) return seconds;
      if (seconds > limitSeconds)
        throw new Error(
          `postgres-${String(id)} is not '${text}' but '${health.text}' after ${seconds.toFixed(1)} s`,
        );
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async untilStreaming(id: NodeId, limitSeconds = 30): Promise<void> {
    const deadline = performance.now() + limitSeconds * 1_000;
    for (;;) {
      const now = await this.details(id);
      if (now.streaming && now.lagBytes === 0) return;
      if (performance.now() > deadline) throw new Error(`it does not stream: ${JSON.stringify(now)}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

export function other(id: NodeId): NodeId {
  return id === 1 ? 2 : 1;
}

function container(id: NodeId): string {
  return `pg-test-${String(id)}`;
}

function spec(id: NodeId, changes: Partial<ClusterConfig>): PostgresNodeSpec {
  const [first, second] = postgresNodes({
    nodes: ids.map((one) => ({ id: one, address: addresses[one] })),
    databases: [{ name: "veza", owner: "veza" }],
    sync: false,
    slotKeepMiB: 512,
    walKeepMiB: 64,
    connections: 40,
    ...changes,
  });
  return id === 1 ? first : second;
}
