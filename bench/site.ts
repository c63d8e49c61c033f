import { execa } from "execa";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { hostDocument } from "../src/incus/document.ts";
import type { ImageSpec } from "../src/incus/image.ts";
import { quote } from "../src/shell/quote.ts";
import { readScript } from "../src/shell/read-script.ts";
import { bridge, gateway, subnet, type StackInput } from "../test/lab/support/edge-config.ts";
import { SecondMachine } from "../test/lab/support/second-machine/machine.ts";
import { removeProjects } from "../tools/machine/projects.ts";

/** Machines that comparisons know: this one, or another one over SSH. */
export const hostNames = ["local", "ssh"] as const;
export type HostName = (typeof hostNames)[number];

/** A machine that has the containers of a comparison. */
export interface Site {
  readonly name: HostName;
  /** What a stack's config says of it. */
  readonly config: Pick<StackInput, "hosts" | "network">;
  /** First three numbers of the addresses on the stack's bridge. Containers are reached from this machine. */
  readonly subnet: string;
  /** Where root is reached over SSH with the key of the agent that this process' environment names; undefined: it is this machine. */
  readonly address: string | undefined;
  /** Runs its Incus client, and resolves with what that printed. */
  incus(...words: readonly string[]): Promise<string>;
  /** Has it run a document, as the engine does. */
  say(document: string): Promise<void>;
  /** SSH connections that its server has refused so far because too many had not logged in yet. */
  refusedConnections(): Promise<number>;
  /** Removes an Incus project with all that is in it, where there is one. */
  clear(project: string): Promise<void>;
  close(): Promise<void>;
}

/** @param images what another machine's images are made from; default: as in a stack that says nothing of them */
export async function openSite(
  name: HostName,
  images?: Readonly<Record<"haproxy" | "app", ImageSpec>>,
): Promise<Site> {
  return name === "local" ? localSite() : sshSite(images);
}

/** What is given a document, and how long in ms it may take: images are built. */
const shell = ["-euo", "pipefail", "-s", "apply"];
const timeout = 900_000;

function localSite(): Site {
  return {
    name: "local",
    config: { hosts: { main: { connection: "local" } }, network: { bridge, gateway } },
    subnet,
    address: undefined,
    incus: (...words) =>
      begun(async () => {
        const { stdout } = await execa("incus", words, { stdin: "ignore", timeout });
        return stdout;
      }),
    say: async (document) => {
      await execa("bash", shell, { input: document, timeout });
    },
    refusedConnections: () => Promise.resolve(0),
    clear: (project) => removeProjects([project]),
    close: () => Promise.resolve(),
  };
}

/** The tests' second machine, with the key in an agent. */
async function sshSite(images?: Readonly<Record<"haproxy" | "app", ImageSpec>>): Promise<Site> {
  const machine = await SecondMachine.open(["haproxy", "app"], images);
  const { address, hostKey } = machine;
  const addresses = machine.gateway.replace(/\.\d+\/.*$/, "");
  await machine.routeTo(`${addresses.replace(/\.\d+$/, "")}.0.0/16`);
  const before = process.env["SSH_AUTH_SOCK"];
  const agent = await machine.startAgent();
  process.env["SSH_AUTH_SOCK"] = agent.socket;
  const known = join(machine.directory, "known-hosts");
  await writeFile(known, `${address} ${hostKey}\n`);
  const options = ["BatchMode=yes", "StrictHostKeyChecking=yes", `UserKnownHostsFile=${known}`];
  const login = [...options.flatMap((option) => ["-o", option]), `root@${address}`];
  const run = async (words: readonly string[], input = ""): Promise<string> => {
    const { stdout } = await execa("ssh", [...login, words.map(quote).join(" ")], { input, timeout });
    return stdout;
  };
  const say = async (document: string): Promise<void> => {
    await run(["bash", ...shell], document);
  };
  return {
    name: "ssh",
    config: {
      hosts: { main: { connection: "ssh", address, user: "root", hostKey } },
      network: { bridge: "incusbr0", gateway: machine.gateway },
    },
    subnet: addresses,
    address,
    incus: (...words) => begun(() => run(["incus", ...words])),
    say,
    refusedConnections: async () => {
      const said = await machine.shell(
        "journalctl --unit ssh --no-pager | grep -c 'MaxStartups\\|drop connection' || :",
      );
      return Number(said);
    },
    clear: async (project) => {
      const script = readScript(new URL("../tools/machine/", import.meta.url).href, "remove-project.sh");
      await say(hostDocument({ parameters: { PROJECTS: project }, script }));
    },
    close: async () => {
      await agent.stop();
      if (before === undefined) delete process.env["SSH_AUTH_SOCK"];
      else process.env["SSH_AUTH_SOCK"] = before;
      await machine.close();
    },
  };
}

/** Does something again that a busy Incus gave up on before it began. */
async function begun(work: () => Promise<string>): Promise<string> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      const gaveUp = String(error).includes("Failed to retrieve PID of executing child process");
      if (tries === 5 || !gaveUp) throw error;
      await delay(200);
    }
  }
}
