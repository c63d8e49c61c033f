import { bridge, edgeConfig, gateway, subnet, type StackInput } from "../../test/lab/support/edge-config.ts";
import { SecondMachine } from "../../test/lab/support/second-machine/machine.ts";

/** Where the containers of a stack are. */
export interface Site {
  readonly name: string;
  /** The stack's config. @param size instances of both fleets together */
  config(size: number, release: string, cookie: string): StackInput;
  /** SSH connections that the host's server has refused so far because too many had not logged in yet. */
  refusedConnections(): Promise<number>;
  /** Removes a stack's containers. */
  clear(project: string): Promise<void>;
  close(): Promise<void>;
}

/** This machine. */
export function localSite(): Promise<Site> {
  const nothing = (): Promise<void> => Promise.resolve();
  return Promise.resolve({
    name: "local",
    config: (size, release, cookie) =>
      config({ size, release, cookie, subnet, rest: { network: { bridge, gateway } } }),
    refusedConnections: () => Promise.resolve(0),
    clear: nothing,
    close: nothing,
  });
}

/** The tests' second machine, over SSH, with the key in an agent. */
export async function sshSite(): Promise<Site> {
  const machine = await SecondMachine.open();
  const before = process.env["SSH_AUTH_SOCK"];
  let release: () => void = () => undefined;
  const isOver = new Promise<void>((resolve) => (release = resolve));
  let agent: Promise<void> = Promise.resolve();
  await new Promise<void>((ready, fail) => {
    agent = machine.withAgent(async (socket) => {
      process.env["SSH_AUTH_SOCK"] = socket;
      ready();
      await isOver;
    });
    agent.catch(fail);
  });
  const { address, hostKey } = machine;
  return {
    name: "ssh",
    config: (size, artifacts, cookie) =>
      config({
        size,
        release: artifacts,
        cookie,
        subnet: machine.gateway.replace(/\.\d+\/.*$/, ""),
        rest: {
          hosts: { main: { connection: "ssh", address, user: "root", hostKey } },
          network: { bridge: "incusbr0", gateway: machine.gateway },
        },
      }),
    refusedConnections: async () => {
      const said = await machine.shell(
        "journalctl --unit ssh --no-pager | grep -c 'MaxStartups\\|drop connection' || :",
      );
      return Number(said);
    },
    clear: async (project) => {
      await machine.shell(
        `incus list --project ${project} --format csv -c n </dev/null | xargs -r incus delete --force --project ${project}; incus project delete --force ${project} </dev/null`,
        600,
      );
    },
    close: async () => {
      release();
      await agent;
      if (before === undefined) delete process.env["SSH_AUTH_SOCK"];
      else process.env["SSH_AUTH_SOCK"] = before;
      await machine.close();
    },
  };
}

interface Choice {
  readonly size: number;
  readonly release: string;
  readonly cookie: string;
  readonly subnet: string;
  readonly rest: Partial<StackInput>;
}

/** Half of the instances in each fleet, behind one load balancer. */
function config({ size, release, cookie, subnet, rest }: Choice): StackInput {
  const written = edgeConfig({
    api: [1],
    stream: [1],
    release,
    loadBalancer: { instances: [{ address: `${subnet}.10` }], cookie: { name: cookie } },
    rest,
  });
  const halves = { "backend-api": Math.ceil(size / 2), "stream-server": Math.floor(size / 2) };
  for (const [n, [fleet, count]] of Object.entries(halves).entries()) {
    const entry = written.fleets?.[fleet];
    if (entry === undefined) throw new Error(`there is no fleet ${fleet}`);
    entry.instances = Array.from({ length: count }, (_, i) => ({
      id: i + 1,
      address: `${subnet}.${String(20 + 100 * n + i)}`,
    }));
  }
  return written;
}
