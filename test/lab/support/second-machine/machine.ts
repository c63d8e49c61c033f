import { execa } from "execa";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { imagesSchema } from "../../../../src/config/incus.ts";
import { hostDocument } from "../../../../src/incus/document.ts";
import type { ImageSpec } from "../../../../src/incus/image.ts";
import { readScript } from "../../../../src/shell/read-script.ts";
import { ensurePrograms } from "../../../../tools/machine/programs.ts";
import { removeProjects } from "../../../../tools/machine/projects.ts";
import { builtImage } from "../built-image.ts";

const project = "veza-test-machine";
const name = "second-machine";

/** What a Debian machine needs to be a host of this project; `sudo` for the log-in that is not root's. */
const image: ImageSpec = {
  suite: "trixie",
  packages: "btrfs-progs dnsmasq-base incus-base incus-client mmdebstrap nftables openssh-server sudo".split(
    " ",
  ),
  revision: 1,
};

export interface SshAgent {
  readonly socket: string;
  stop(): Promise<void>;
}

/**
 * Another machine, as far as anybody can see from outside: its own systemd, its own SSH server and its own Incus, in a
 * container of this machine's Incus. There is one at a time; opening it removes what an earlier run left.
 */
export class SecondMachine {
  /** Where it is reached from this machine. */
  readonly address = "10.77.0.100";
  /** Of its Incus bridge, incusbr0. */
  readonly gateway = "10.78.0.1/24";
  /** Who may log in besides root, with sudo. */
  readonly loginUser = "deploy";
  readonly #directory: string;
  #hostKey = "";

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * @param seeded images that it has from the start, under their usual alias; it would build others itself, in minutes
   * @param images what these are made from; default: as in a stack that says nothing of them
   */
  static async open(
    seeded: readonly ("haproxy" | "app")[] = ["haproxy", "app"],
    images: Readonly<Record<"haproxy" | "app", ImageSpec>> = imagesSchema.parse({}),
  ): Promise<SecondMachine> {
    await ensurePrograms([{ program: "ssh", packages: ["openssh-client"] }], () => undefined);
    await removeProjects([project]);
    const machine = new SecondMachine(await mkdtemp(join(tmpdir(), "veza-machine-")));
    await machine.#launch();
    await machine.#prepare(new Map(seeded.map((one) => [one, images[one]])));
    return machine;
  }

  async close(): Promise<void> {
    await removeProjects([project]);
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** Its host key, as `hostKey` of a stack file takes it. */
  get hostKey(): string {
    return this.#hostKey;
  }

  /** File with the private key that may log in. */
  get keyFile(): string {
    return join(this.#directory, "key");
  }

  /** A directory of this machine that goes away with the second one. */
  get directory(): string {
    return this.#directory;
  }

  /** Runs a line of shell on it, as root and not over SSH; resolves with what it printed, and throws when it fails. */
  async shell(line: string, limitSeconds = 60): Promise<string> {
    // Read back from a file: Incus can lose what a command prints.
    const file = `/root/said-${Math.random().toString(36).slice(2)}`;
    await this.#exec(["timeout", String(limitSeconds), "bash", "-c", `{ ${line}\n} >${file}`]);
    const { stdout } = await incus("file", "pull", "--project", project, `${name}${file}`, "-");
    return stdout;
  }

  /** Whether a line of shell ends well on it. */
  async succeeds(line: string): Promise<boolean> {
    return (await this.shell(`if ( ${line} ) >&2; then echo yes; fi`)) === "yes";
  }

  /** Names of its Incus projects. */
  async projects(): Promise<readonly string[]> {
    const listed = await this.incus("project", "list", "--format", "csv", "--columns", "n");
    return listed
      .trimEnd()
      .split("\n")
      .map((one) => one.replace(" (current)", ""));
  }

  /** What its Incus remembers of containers: changes when anything is done to one. */
  async memory(): Promise<string> {
    return this.shell("incus query '/1.0/instances?recursion=1&all-projects=true' </dev/null | sha256sum");
  }

  /** Runs its Incus client. */
  async incus(...words: readonly string[]): Promise<string> {
    return this.shell(
      `incus ${words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ")} </dev/null`,
    );
  }

  /** Has its containers reached from this machine: what goes to a network, e.g. `10.78.0.0/16`, goes through it. */
  async routeTo(network: string): Promise<void> {
    await incus("config", "device", "set", name, "eth0", `ipv4.routes=${network}`, "--project", project);
    // Incus' route names no gateway: this machine asks the bridge for each address, and the other one answers at once.
    await this.shell("cd /proc/sys/net/ipv4; echo 1 >conf/eth0/proxy_arp; echo 0 >neigh/eth0/proxy_delay");
  }

  /** Has an SSH agent with the key that may log in for the time of a work, which is given its socket. */
  async withAgent(work: (socket: string) => Promise<void>): Promise<void> {
    const agent = await this.startAgent();
    await work(agent.socket).finally(() => agent.stop());
  }

  /** Starts an SSH agent with the key that may log in. */
  async startAgent(): Promise<SshAgent> {
    const socket = join(this.#directory, "agent");
    const agent = execa("ssh-agent", ["-D", "-a", socket], { stdin: "ignore", reject: false });
    while (!existsSync(socket)) await delay(50);
    await execa("ssh-add", ["-q", this.keyFile], { stdin: "ignore", env: { SSH_AUTH_SOCK: socket } });
    const stop = async (): Promise<void> => {
      agent.kill();
      await agent;
    };
    return { socket, stop };
  }

  /**
   * Drops what comes to its SSH server from now on, without a word to the sender.
   * @param when shell that ends when it is to begin
   */
  async cutSsh(when = ":"): Promise<void> {
    const rules = "table inet cut { chain in { type filter hook input priority -300; tcp dport 22 drop; }; }";
    await this.shell(`${when}; nft '${rules}'`);
  }

  async mendSsh(): Promise<void> {
    await this.shell("nft delete table inet cut");
  }

  /** Nothing on it goes on, and its kernel still takes connections: a machine that hangs. */
  async freeze(): Promise<void> {
    await incus("pause", name, "--project", project);
  }

  async thaw(): Promise<void> {
    await incus("start", name, "--project", project);
  }

  /** A power cut and a new start; resolves when its init has come up again, which its containers may not yet have. */
  async reboot(): Promise<void> {
    await incus("restart", "--force", name, "--project", project);
    await this.#booted();
  }

  async #launch(): Promise<void> {
    const alias = await builtImage("second-machine", image);
    await incus("project", "create", project, "-c", "features.images=false", "-c", "features.networks=false");
    const options = [
      "security.nesting=true",
      "security.syscalls.intercept.mknod=true",
      "security.syscalls.intercept.setxattr=true",
    ].flatMap((option) => ["-c", option]);
    // Always the same: this machine remembers for a while where the one before was, and all that it routed to.
    const device = [`ipv4.address=${this.address}`, "hwaddr=10:66:6a:00:00:64"];
    const words = [
      "-n",
      "incusbr0",
      "-s",
      "default",
      ...device.flatMap((one) => ["-d", `eth0,${one}`]),
      ...options,
    ];
    await incus("launch", alias, name, "--project", project, ...words);
    await this.#booted();
  }

  async #booted(): Promise<void> {
    const deadline = Date.now() + 90_000;
    const ready =
      "ip -4 addr show eth0 | grep -q inet && case $(systemctl is-system-running) in running|degraded) ;; *) exit 1 ;; esac";
    for (;;) {
      const isReady = this.#exec(["sh", "-c", ready]).then(
        () => true,
        () => false,
      );
      if (await isReady) return;
      if (Date.now() > deadline) throw new Error("the second machine did not boot within 90 s");
      await delay(200);
    }
  }

  async #prepare(seeded: ReadonlyMap<string, ImageSpec>): Promise<void> {
    const images = join(this.#directory, "images");
    await mkdir(images, { mode: 0o755 });
    for (const [one, spec] of seeded) await exportImage(one, spec, images);
    const seeds = "/run/veza-test-images";
    await incus(
      ...["config", "device", "add", name, "images", "disk", "--project", project],
      ...[`source=${images}`, `path=${seeds}`, "readonly=true"],
    );
    await execa("chmod", ["0755", this.#directory]);
    await execa("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", this.keyFile], {
      stdin: "ignore",
    });
    const document = hostDocument({
      parameters: {
        AUTHORIZED_KEY: (await readFile(`${this.keyFile}.pub`, "utf8")).trim(),
        LOGIN_USER: this.loginUser,
        BRIDGE_ADDRESS: this.gateway,
        CGROUP_SCRIPT: readScript(import.meta.url, "cgroup.sh"),
        IMAGES: seeds,
      },
      script: readScript(import.meta.url, "prepare.sh"),
    });
    await this.#exec(["timeout", "300", "bash", "-euo", "pipefail", "-s", "apply"], document);
    await incus("config", "device", "remove", name, "images", "--project", project);
    await rm(images, { recursive: true });
    const [type, key] = (await this.shell("cat /etc/ssh/ssh_host_ed25519_key.pub")).split(" ");
    this.#hostKey = `${type ?? ""} ${key ?? ""}`;
  }

  async #exec(words: readonly string[], input = ""): Promise<void> {
    const exec = ["exec", name, "--project", project, "--mode=non-interactive", "--", ...words];
    const { failed, stderr } = await execa("incus", exec, { input, reject: false });
    if (!failed) return;
    // A busy host's Incus gives up on a command that it has not begun.
    if (!stderr.includes("Failed to retrieve PID of executing child process"))
      throw new Error(`${words.join(" ")}: ${stderr}`);
    await execa("incus", exec, { input });
  }
}

/** Writes an image of this machine as three files: metadata, root file system, and the alias it goes by. */
async function exportImage(one: string, spec: ImageSpec, directory: string): Promise<void> {
  const alias = await builtImage(one, spec);
  const file = join(directory, one);
  await incus("image", "export", alias, file, "--project", "default");
  await rename(file, `${file}.metadata`);
  await rename(`${file}.root`, `${file}.rootfs`);
  await writeFile(`${file}.alias`, alias);
}

async function incus(...words: readonly string[]): Promise<{ stdout: string }> {
  const { stdout } = await execa("incus", words, { stdin: "ignore" });
  return { stdout };
}
