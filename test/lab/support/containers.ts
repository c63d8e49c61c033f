import { execa } from "execa";
import { imagesSchema } from "../../../src/config/incus.ts";
import { containerDocument, hostDocument } from "../../../src/incus/document.ts";
import { filesBody, type FilesSpec } from "../../../src/incus/files-body.ts";
import { imageAlias, type ImageSpec } from "../../../src/incus/image.ts";
import { readScript } from "../../../src/shell/read-script.ts";
import { removeProjects } from "../../../tools/machine/projects.ts";
import { bridge } from "./edge-config.ts";
import { clearIncus, prepareIncus } from "./incus.ts";
import { StandingShell } from "./standing-shell.ts";

/** Those of the program, so that a machine that runs the lab has them. */
const images = imagesSchema.parse({});

/** An image that is not one of the program's; `name` is the first part of its alias. */
export interface OtherImage {
  readonly name: string;
  readonly spec: ImageSpec;
}

/** What a unit's script said and how it ended. */
export interface Outcome {
  readonly exitCode: number;
  readonly said: string;
}

/** Containers in an Incus project of their own, filled with the program's units but without the engine. */
export class Containers {
  readonly #project: string;
  readonly #bridge: string;
  /** Those that nobody uses at the moment, by container. */
  readonly #shells = new Map<string, StandingShell[]>();

  private constructor(project: string, bridge: string) {
    this.#project = project;
    this.#bridge = bridge;
  }

  /** Makes the project, without what an earlier run left in it. */
  static async open(project: string): Promise<Containers> {
    await removeProjects([project]);
    await createProject(project);
    return new Containers(project, "incusbr0");
  }

  /** The same on the lane's own bridge, where nobody else has names or addresses. */
  static async openInLane(project: string): Promise<Containers> {
    await prepareIncus(project);
    await createProject(project);
    return new Containers(project, bridge);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#shells.keys()].map((name) => this.#endShells(name)));
    await (this.#bridge === bridge ? clearIncus(this.#project) : removeProjects([this.#project]));
  }

  /** A booted container at that address. Names are unique on a bridge, over all projects. */
  async launch(name: string, image: keyof typeof images | OtherImage, address: string): Promise<void> {
    const { name: kind, spec } = typeof image === "string" ? { name: image, spec: images[image] } : image;
    const alias = imageAlias(kind, spec);
    const { suite, packages } = spec;
    const parameters = { ALIAS: alias, SUITE: suite, PACKAGES: [...packages].sort().join(",") };
    const script = readScript(new URL("../../../src/incus/", import.meta.url).href, "image.sh");
    await execa("bash", ["-euo", "pipefail", "-s", "apply"], { input: hostDocument({ parameters, script }) });
    const devices = ["-n", this.#bridge, "-s", "default", "-d", `eth0,ipv4.address=${address}`];
    await incus("launch", alias, name, "--project", this.#project, ...devices);
    await this.#booted(name);
  }

  /** Stops and starts the container as a host's reboot does. */
  async restart(name: string): Promise<void> {
    await this.#endShells(name);
    await incus("restart", name, "--project", this.#project);
    await this.#booted(name);
  }

  /** Runs shell in a container, at most a minute, and returns what it printed; throws when it fails. */
  async shell(name: string, line: string): Promise<string> {
    const idle = (this.#shells.get(name) ?? []).filter(({ hasEnded }) => !hasEnded);
    const shell = idle.pop() ?? new StandingShell(this.#project, name);
    this.#shells.set(name, idle);
    const { stdout, stderr, exitCode } = await shell.tell(line);
    this.#shells.set(name, [...(this.#shells.get(name) ?? []), shell]);
    if (exitCode !== 0) throw new Error(`${name}: exit status ${String(exitCode)} of: ${line}\n${stderr}`);
    return stdout;
  }

  async write(name: string, path: string, content: string | Buffer): Promise<void> {
    const words = ["file", "push", "-", `${name}${path}`, "--create-dirs", "--project", this.#project];
    await execa("incus", words, { input: content });
  }

  /**
   * Applies a unit of files, or takes it away, as an update does.
   * @param before shell that the script begins with
   */
  async unit(
    name: string,
    unit: FilesSpec,
    { action = "apply", limitSeconds = 120, before = "" }: UnitOptions = {},
  ): Promise<Outcome> {
    const body = before + filesBody(unit);
    const document = { project: this.#project, container: name, unit: unit.unit, limitSeconds, body };
    const words = ["-euo", "pipefail", "-s", action];
    const input = containerDocument(document);
    const { exitCode, all } = await execa("bash", words, { input, reject: false, all: true });
    return { exitCode: exitCode ?? -1, said: all };
  }

  async #booted(name: string): Promise<void> {
    const booted =
      "for n in $(seq 150); do ip -4 addr show eth0 | grep -q inet && systemctl is-system-running --wait >/dev/null && exit; sleep 0.2; done; systemctl is-system-running | grep -q degraded";
    // By itself: what begins before the boot has ended may not see what the boot mounts.
    await incus(
      "exec",
      name,
      "--project",
      this.#project,
      "--mode=non-interactive",
      "--",
      "timeout",
      "60",
      "bash",
      "-c",
      booted,
    );
  }

  async #endShells(name: string): Promise<void> {
    const shells = this.#shells.get(name) ?? [];
    this.#shells.delete(name);
    await Promise.all(shells.map((shell) => shell.end()));
  }
}

interface UnitOptions {
  readonly action?: "apply" | "delete";
  readonly limitSeconds?: number;
  readonly before?: string;
}

async function createProject(project: string): Promise<void> {
  await incus("project", "create", project, "-c", "features.images=false", "-c", "features.networks=false");
}

async function incus(...words: readonly string[]): Promise<string> {
  const { stdout } = await execa("incus", words, { stdin: "ignore", stripFinalNewline: false });
  return stdout;
}
