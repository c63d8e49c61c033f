import { execa } from "execa";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fleetsSchema, type ArtifactConfig, type FleetConfig } from "../../src/config/fleet.ts";
import { imagesSchema } from "../../src/config/incus.ts";
import {
  artifactPath,
  fleetModel,
  type InstanceSpec,
  type StatisticsAddress,
} from "../../src/fleet/model.ts";
import { fileDigest } from "../../src/fleet/file-digest.ts";
import { instanceUnit, rolloutSeconds } from "../../src/fleet/unit.ts";
import { containerDocument, hostDocument } from "../../src/incus/document.ts";
import { filesBody, type FilesSpec } from "../../src/incus/files-body.ts";
import { imageAlias } from "../../src/incus/image.ts";
import { readScript } from "../../src/shell/read-script.ts";

const project = "veza-test-fleet";
/** Those of the program, so that a machine that runs the lab has them. */
const images = imagesSchema.parse({});

/** What a roll-out said and how it ended. */
export interface Outcome {
  readonly exitCode: number;
  readonly said: string;
}

/** A fleet's containers on the machine's Incus, in a project of their own. */
export class FleetLab {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async open(): Promise<FleetLab> {
    await removeProject();
    await incus("project", "create", project, "-c", "features.images=false", "-c", "features.networks=false");
    return new FleetLab(await mkdtemp(join(tmpdir(), "veza-fleet-")));
  }

  async close(): Promise<void> {
    await rm(this.#directory, { recursive: true });
    await removeProject();
  }

  /** A booted container at that address. */
  async container(name: string, image: keyof typeof images, address: string): Promise<void> {
    const alias = imageAlias(image, images[image]);
    const { suite, packages } = images[image];
    const parameters = { ALIAS: alias, SUITE: suite, PACKAGES: [...packages].sort().join(",") };
    const script = readScript(new URL("../../src/incus/", import.meta.url).href, "image.sh");
    await execa("bash", ["-euo", "pipefail", "-s", "apply"], { input: hostDocument({ parameters, script }) });
    const devices = ["-n", "incusbr0", "-s", "default", "-d", `eth0,ipv4.address=${address}`];
    await incus("launch", alias, name, "--project", project, ...devices);
    await this.booted(name);
  }

  async booted(name: string): Promise<void> {
    await this.shell(
      name,
      "for n in $(seq 150); do ip -4 addr show eth0 | grep -q inet && systemctl is-system-running --wait >/dev/null && exit; sleep 0.2; done; systemctl is-system-running | grep -q degraded",
    );
  }

  async restart(name: string): Promise<void> {
    await incus("restart", name, "--project", project);
    await this.booted(name);
  }

  /** Runs a line of shell in the container and returns what it printed; throws when it fails. */
  async shell(name: string, line: string): Promise<string> {
    // Output is read back from a file (not below /tmp, which booting mounts anew), because Incus can lose what a command prints.
    const file = `/root/said-${Math.random().toString(36).slice(2)}`;
    const words = ["exec", name, "--project", project, "--mode=non-interactive", "--"];
    await incus(...words, "timeout", "60", "bash", "-c", `{ ${line}\n} >${file}`);
    const { stdout } = await incus("file", "pull", `${name}${file}`, "-", "--project", project);
    return stdout;
  }

  async write(name: string, path: string, content: string | Buffer): Promise<void> {
    await execa("incus", ["file", "push", "-", `${name}${path}`, "--create-dirs", "--project", project], {
      input: content,
    });
  }

  /** A directory that goes away with the lab. */
  get directory(): string {
    return this.#directory;
  }

  /** The artifact that this text is, as a fleet's config names it. */
  async artifact(name: string, content: string | Buffer): Promise<{ path: string; sha256: string }> {
    const path = join(this.#directory, name);
    await writeFile(path, content);
    return { path, sha256: createHash("sha256").update(content).digest("hex") };
  }

  /** Rolls the instance out as an update does, but for the engine. */
  async rollOut(spec: InstanceSpec, statistics: readonly StatisticsAddress[] = []): Promise<Outcome> {
    return this.start(spec, statistics);
  }

  /** Rolls out, and kills what does it right before the first command that begins with these words. */
  async rollOutKilledBefore(spec: InstanceSpec, command: string): Promise<void> {
    const kill = `set -T\ntrap '[[ $BASH_COMMAND != "${command}"* ]] || kill -KILL $$' DEBUG\n`;
    const { exitCode } = await this.start(spec, [], kill);
    if (exitCode === 0) throw new Error(`the roll-out went through, without ${command}`);
  }

  /** Applies a unit of files as an update does. */
  async apply(name: string, unit: FilesSpec, limitSeconds: number, before = ""): Promise<Outcome> {
    const body = before + filesBody(unit);
    const input = containerDocument({ project, container: name, unit: unit.unit, limitSeconds, body });
    const words = ["-euo", "pipefail", "-s", "apply"];
    const { exitCode, all } = await execa("bash", words, { input, reject: false, all: true });
    return { exitCode: exitCode ?? -1, said: all };
  }

  private async start(
    spec: InstanceSpec,
    statistics: readonly StatisticsAddress[],
    before = "",
  ): Promise<Outcome> {
    const { artifact } = spec.application;
    if (artifact.from.kind === "path") {
      const content = await readFile(artifact.from.path);
      await this.write(spec.name, artifactPath(artifact.sha256), content);
    }
    return this.apply(spec.name, instanceUnit(spec, statistics), rolloutSeconds(spec), before);
  }
}

/** The instances of a fleet as an operator would write it; `changes` are merged into its entry. */
export function instancesOf(
  artifact: ArtifactConfig,
  changes: Partial<FleetConfig> = {},
): readonly InstanceSpec[] {
  const fleets = fleetsSchema.parse({
    "rolling-api": {
      pool: "api_pool",
      port: 8080,
      healthPath: "/api/v1/health",
      user: "veza-api",
      command: ["/usr/bin/node", "/opt/veza/rolling-api/current/app.mjs"],
      drainSeconds: 5,
      healthSeconds: 15,
      instances: [
        { id: 1, address: "10.77.0.71" },
        { id: 2, address: "10.77.0.72" },
      ],
      artifact: { name: "app.mjs", ...artifact },
      ...changes,
    },
  });
  return Object.entries(fleets).flatMap(([name, config]) => fleetModel(name, config, fileDigest).instances);
}

async function incus(...words: string[]): Promise<{ stdout: string }> {
  const { stdout } = await execa("incus", words, { stdin: "ignore", stripFinalNewline: false });
  return { stdout };
}

async function removeProject(): Promise<void> {
  const { stdout } = await incus("project", "list", "--format", "csv", "--columns", "n");
  if (!stdout.split("\n").includes(project)) return;
  const { stdout: names } = await incus("list", "--project", project, "--format", "csv", "--columns", "n");
  for (const name of names.split("\n").filter((line) => line !== "")) {
    await incus("delete", "--force", name, "--project", project);
  }
  await incus("project", "delete", project);
}
