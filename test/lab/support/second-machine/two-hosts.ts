import { createServer, type Server } from "node:http";
import { z } from "zod";
import { bridge, edgeAddress, gateway, publishedPort, subnet } from "../edge-config.ts";
import { LabStack } from "../stack.ts";
import type { SecondMachine, SshAgent } from "./machine.ts";

/** Where both machines' containers find this one. */
const thisMachine = "10.77.0.1";

const status = z.object({
  problems: z.array(z.string()),
  hosts: z.array(z.object({ name: z.string(), where: z.string() })),
  containers: z.array(z.object({ name: z.string(), host: z.string(), state: z.string() })),
  loadBalancers: z.array(
    z.object({
      name: z.string(),
      traffic: z.object({
        seen: z
          .object({
            servers: z.array(z.object({ pool: z.string(), server: z.string(), status: z.string() })),
          })
          .optional(),
      }),
    }),
  ),
});
type Status = z.infer<typeof status>;

const drift = z.object({
  drift: z.array(
    z.object({ host: z.string(), container: z.string().optional(), kind: z.string(), subject: z.string() }),
  ),
  unseen: z.array(z.object({ host: z.string(), says: z.string() })),
  counts: z.object({ containers: z.number() }),
});

type Ended<T> = T & { readonly exitCode: number | undefined };

export const near = "haproxy-near";
export const far = "haproxy-far";

/**
 * A stack on two hosts: a load balancer on this machine, and one on another over SSH. Both give requests to the same two
 * servers, `one` and `two`, which this process is.
 */
export class TwoHosts {
  readonly stack: LabStack;
  readonly #servers: readonly Server[];
  readonly #agent: SshAgent;

  private constructor(stack: LabStack, servers: readonly Server[], agent: SshAgent) {
    this.stack = stack;
    this.#servers = servers;
    this.#agent = agent;
  }

  /** Deployed. From then on this process' environment names an agent that has the key. */
  static async open(machine: SecondMachine): Promise<TwoHosts> {
    const made = [
      "network",
      "create",
      bridge,
      `ipv4.address=${gateway}`,
      "ipv4.nat=true",
      "ipv6.address=none",
    ];
    await machine.incus(...made);
    const agent = await machine.startAgent();
    process.env["SSH_AUTH_SOCK"] = agent.socket;
    const stack = await LabStack.open();
    const servers = await Promise.all(["one", "two"].map(serving));
    const pool = servers.map((server, index) => ({
      ...{ id: index + 1, name: index === 0 ? "one" : "two" },
      ...{ address: thisMachine, port: portOf(server) },
    }));
    await stack.write({
      hosts: {
        near: { connection: "local" },
        far: { connection: "ssh", address: machine.address, hostKey: machine.hostKey },
      },
      network: { bridge, gateway },
      loadBalancer: {
        instances: [
          { name: near, host: "near", address: edgeAddress, publish: [{ http: publishedPort }] },
          { name: far, host: "far", address: `${subnet}.11` },
        ],
        staticServers: { api_pool: pool },
        healthChecks: { intervalSeconds: 1 },
        slowStartSeconds: 1,
      },
    });
    await stack.up();
    return new TwoHosts(stack, servers, agent);
  }

  /** Has a verb of bin/veza say what it says. @throws Error with that, when it does not end well */
  async says(verb: string, ...words: readonly string[]): Promise<string> {
    const { exitCode, all } = await this.stack.veza(verb, ...words);
    if (exitCode !== 0) throw new Error(`bin/veza ${verb} ended with ${String(exitCode)}:\n${all}`);
    return all;
  }

  async status(): Promise<Ended<Status>> {
    return this.#parsed(status, "status");
  }

  async drift(): Promise<Ended<z.infer<typeof drift>>> {
    return this.#parsed(drift, "drift");
  }

  /** HAProxy's word on a server of the API's pool, by load balancer; those that say nothing are left out. */
  statusOf(server: string, { loadBalancers }: Pick<Status, "loadBalancers">): Record<string, string> {
    return Object.fromEntries(
      loadBalancers.flatMap(({ name, traffic }) =>
        (traffic.seen?.servers ?? [])
          .filter((one) => one.pool === "api_pool" && one.server === server)
          .map((one): [string, string] => [name, one.status]),
      ),
    );
  }

  async #parsed<T extends object>(schema: z.ZodType<T>, verb: string): Promise<Ended<T>> {
    const { exitCode, stdout, all } = await this.stack.veza(verb, "--json");
    try {
      return { exitCode, ...schema.parse(JSON.parse(stdout)) };
    } catch (error) {
      throw new Error(`${String(exitCode)} ${all}`, { cause: error });
    }
  }

  async close(): Promise<void> {
    for (const server of this.#servers) {
      server.close();
      server.closeAllConnections();
    }
    await this.stack.close();
    delete process.env["SSH_AUTH_SOCK"];
    await this.#agent.stop();
  }
}

async function serving(name: string): Promise<Server> {
  const server = createServer((_, response) => response.end(name));
  await new Promise<void>((resolve) => server.listen(0, thisMachine, resolve));
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("it listens nowhere");
  return address.port;
}
