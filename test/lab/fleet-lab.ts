import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fleetsSchema, type ArtifactConfig, type FleetConfig } from "../../src/config/fleet.ts";
import {
  artifactPath,
  fleetModel,
  type InstanceSpec,
  type StatisticsAddress,
} from "../../src/fleet/model.ts";
import { fileDigest } from "../../src/fleet/file-digest.ts";
import { instanceUnit, rolloutSeconds } from "../../src/fleet/unit.ts";
import type { FilesSpec } from "../../src/incus/files-body.ts";
import { Containers, type Outcome } from "./support/containers.ts";

export const fleetProject = "veza-test-fleet";

/** A fleet's containers on the machine's Incus, in a project of their own. */
export class FleetLab {
  readonly #containers: Containers;
  readonly #directory: string;

  private constructor(containers: Containers, directory: string) {
    this.#containers = containers;
    this.#directory = directory;
  }

  static async open(): Promise<FleetLab> {
    const containers = await Containers.open(fleetProject);
    return new FleetLab(containers, await mkdtemp(join(tmpdir(), "veza-fleet-")));
  }

  async close(): Promise<void> {
    await rm(this.#directory, { recursive: true });
    await this.#containers.close();
  }

  /** A booted container at that address. */
  async container(...container: Parameters<Containers["launch"]>): Promise<void> {
    await this.#containers.launch(...container);
  }

  async restart(name: string): Promise<void> {
    await this.#containers.restart(name);
  }

  /** Runs shell in the container and returns what it printed; throws when it fails. */
  async shell(name: string, line: string): Promise<string> {
    return this.#containers.shell(name, line);
  }

  async write(name: string, path: string, content: string | Buffer): Promise<void> {
    await this.#containers.write(name, path, content);
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
  async apply(name: string, unit: FilesSpec, limitSeconds: number): Promise<Outcome> {
    return this.#containers.unit(name, unit, { limitSeconds });
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
    const limitSeconds = rolloutSeconds(spec);
    return this.#containers.unit(spec.name, instanceUnit(spec, statistics), { limitSeconds, before });
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
