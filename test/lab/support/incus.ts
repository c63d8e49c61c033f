import { execa } from "execa";
import { z } from "zod";
import { removeProjects, projectsWhere } from "../../../tools/machine/projects.ts";
import { bridge, gateway } from "./edge-config.ts";

const instances = z.array(
  z.object({
    name: z.string(),
    status: z.string(),
    created_at: z.string(),
    config: z.record(z.string(), z.string()),
  }),
);

/** A container as Incus has it. */
export interface IncusContainer {
  readonly name: string;
  /** `Running`, `Stopped` … */
  readonly status: string;
  /** When it was made; another one of the same name has another. */
  readonly createdAt: string;
}

/** One stack's Incus project on this machine. */
export class IncusProject {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  async exists(): Promise<boolean> {
    return (await projectsWhere((name) => name === this.name)).length > 0;
  }

  async containers(): Promise<readonly IncusContainer[]> {
    const listed = await incus("list", "--project", this.name, "--format", "json");
    return instances
      .parse(JSON.parse(listed))
      .map(({ name, status, created_at }) => ({ name, status, createdAt: created_at }));
  }

  async names(): Promise<readonly string[]> {
    return (await this.containers()).map(({ name }) => name).sort();
  }

  /** When the container was made; undefined where there is none. */
  async createdAt(container: string): Promise<string | undefined> {
    return (await this.containers()).find(({ name }) => name === container)?.createdAt;
  }

  async delete(container: string): Promise<void> {
    await incus("delete", "--force", container, "--project", this.name);
  }

  /** Any other verb of Incus, in this project. */
  async says(...words: readonly string[]): Promise<string> {
    return incus("--project", this.name, ...words);
  }

  async stop(...containers: readonly string[]): Promise<void> {
    await incus("stop", "--force", ...containers, "--project", this.name);
  }

  async start(...containers: readonly string[]): Promise<void> {
    await incus("start", ...containers, "--project", this.name);
  }

  /** Runs shell in a container and returns what it printed; throws when it fails. */
  async shell(container: string, line: string): Promise<string> {
    // Read back from a file, because Incus can lose what a command prints; in memory, because a disk may be full.
    const file = `/dev/shm/said-${Math.random().toString(36).slice(2)}`;
    const words = ["exec", container, "--project", this.name, "--mode=non-interactive", "--"];
    await incus(...words, "timeout", "60", "bash", "-c", `{ ${line}\n} >${file} 2>&1`);
    const said = await incus("file", "pull", `${container}${file}`, "-", "--project", this.name);
    return said.trimEnd();
  }

  /** Writes a file in a container; its folder is made. */
  async write(container: string, path: string, content: string): Promise<void> {
    const words = ["file", "push", "--create-dirs", "--mode", "0644", "-", `${container}${path}`];
    await execa("incus", [...words, "--project", this.name], { input: content, timeout: 60_000 });
  }

  /** Id of a service's main process in its container. */
  async mainPid(container: string, service: string): Promise<string> {
    return this.shell(container, `systemctl show --value --property MainPID ${service}`);
  }

  /** Process ids of HAProxy's master and newest worker. */
  async haproxyProcesses(container = "haproxy"): Promise<{ master: string; worker: string }> {
    const said = await this.shell(
      container,
      `systemctl show --value --property MainPID haproxy; echo 'show info' | socat - /run/haproxy/admin.sock | sed -n 's/^Pid: //p'`,
    );
    const [master = "", worker = ""] = said.split("\n");
    return { master, worker };
  }

  /** Says a command to HAProxy's admin socket, as an operator does. */
  async haproxy(command: string, container = "haproxy"): Promise<string> {
    return this.shell(container, `echo '${command}' | socat - /run/haproxy/admin.sock`);
  }
}

/** Removes what earlier runs of these tests left in Incus, and makes the tests' own bridge. */
export async function prepareIncus(project: string): Promise<void> {
  await removeProjects([project]);
  const networks = await incus("network", "list", "--format", "csv", "--columns", "n");
  if (networks.split("\n").includes(bridge)) return;
  const create = [
    "network",
    "create",
    bridge,
    `ipv4.address=${gateway}`,
    "ipv4.nat=true",
    "ipv6.address=none",
  ];
  for (let attempt = 1; ; attempt++) {
    try {
      await incus(...create);
      return;
    } catch (error) {
      // Incus 6.0 lists every interface of the machine meanwhile, and gives up when one of another container goes away.
      if (attempt === 10 || !String(error).includes("Failed to delete bridge children interfaces"))
        throw error;
    }
  }
}

/** Removes the project with all that is in it, and the bridge. */
export async function clearIncus(project: string): Promise<void> {
  await removeProjects([project]);
  await execa("incus", ["network", "delete", bridge], { stdin: "ignore", reject: false });
}

async function incus(...words: readonly string[]): Promise<string> {
  const { stdout } = await execa("incus", words, { stdin: "ignore", timeout: 120_000 });
  return stdout;
}

/** Gives an image of the default project a second name. */
export async function addImageAlias(existing: string, alias: string): Promise<void> {
  await removeImageAlias(alias);
  const listed = await incus("image", "alias", "list", "--format", "json");
  const aliases = z.array(z.object({ name: z.string(), target: z.string() })).parse(JSON.parse(listed));
  const target = aliases.find(({ name }) => name === existing)?.target;
  if (target === undefined) throw new Error(`there is no image ${existing}`);
  await incus("image", "alias", "create", alias, target);
}

export async function removeImageAlias(alias: string): Promise<void> {
  await execa("incus", ["image", "alias", "delete", alias], { stdin: "ignore", reject: false });
}

/** A btrfs pool of its own size, in a file. */
export async function addStoragePool(name: string, gib: number): Promise<void> {
  await incus("storage", "create", name, "btrfs", `size=${String(gib)}GiB`);
}

export async function removeStoragePool(name: string): Promise<void> {
  const list = await incus("storage", "list", "--format", "csv", "--columns", "n");
  if (!list.split("\n").includes(name)) return;
  // Copies of images that were unpacked into it.
  const volumes = await incus("storage", "volume", "list", name, "--format", "csv", "--columns", "tn");
  for (const line of volumes.split("\n").filter((volume) => volume.startsWith("image,")))
    await incus("storage", "volume", "delete", name, line.replace(",", "/"));
  await incus("storage", "delete", name);
}
