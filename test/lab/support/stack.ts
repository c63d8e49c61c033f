import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { stringify } from "yaml";
import { z } from "zod";
import { bundleStandIns } from "../../../lab/bundle.ts";
import { diffStacks, type StackDiff } from "../../../src/ops/diff/diff.ts";
import { stackLocks } from "../../../src/ops/pulumi/file-backend.ts";
import { readOutputs, type EdgeOutputs } from "../../../src/outputs.ts";
import type { Changes } from "../../../tools/verbs/pulumi.ts";
import { edgeConfig, stackName, type EdgeChoices, type StackInput } from "./edge-config.ts";
import { clearIncus, IncusProject, prepareIncus } from "./incus.ts";
import { runVeza, startPulumi, Update, type Ended, type Run } from "./update.ts";

const repository = fileURLToPath(new URL("../../../", import.meta.url));

const previewed = z.object({
  changeSummary: z.record(z.string(), z.number()),
  steps: z
    .array(
      z.object({
        urn: z.string(),
        newState: z.object({ inputs: z.object({ stdin: z.string().optional() }).optional() }).optional(),
      }),
    )
    .default([]),
});

/** The two builds of the stand-ins that tests roll out. */
export type Release = "one" | "two";

/**
 * A stack of the program as a user has it, deployed by `bin/pulumi` to this machine's Incus: its own checkout (links
 * into this one), state, stack file, Incus project and bridge. One at a time in a lane.
 */
export class LabStack {
  readonly name: string;
  readonly incus: IncusProject;
  readonly #directory: string;
  #config: StackInput;
  #runs = 0;

  private constructor(name: string, directory: string, config: StackInput) {
    this.name = name;
    this.incus = new IncusProject(`veza-${name}`);
    this.#directory = directory;
    this.#config = config;
  }

  /** Nothing is deployed yet; what a killed run of the same tests left is removed. */
  static async open(choices: Omit<EdgeChoices, "release"> = {}): Promise<LabStack> {
    await prepareIncus(`veza-${stackName}`);
    const directory = await mkdtemp(join(tmpdir(), "veza-stack-"));
    for (const release of ["one", "two"])
      await bundleStandIns(join(directory, release), { version: release });
    const project = join(directory, "project");
    await mkdir(project);
    await copyFile(join(repository, "Pulumi.yaml"), join(project, "Pulumi.yaml"));
    for (const link of ["src", "templates", "node_modules", "package.json"])
      await symlink(join(repository, link), join(project, link));
    const stack = new LabStack(stackName, directory, edgeConfig({ release: join(directory, "one") }));
    await stack.forgetState();
    await stack.configure(choices);
    return stack;
  }

  /** Removes everything, whatever state it is in. */
  async close(): Promise<void> {
    await clearIncus(this.incus.name);
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** Folder of a release's bundled applications. */
  release(release: Release): string {
    return join(this.#directory, release);
  }

  /** A directory that goes away with the stack. */
  get directory(): string {
    return this.#directory;
  }

  /** Folder with its Pulumi.yaml. */
  get project(): string {
    return join(this.#directory, "project");
  }

  /** Folder of its state; another project's stacks may lie beside it. */
  get backend(): string {
    return join(this.#directory, "state");
  }

  /** Writes the stack file; `up` makes it true. */
  async configure(choices: Omit<EdgeChoices, "release"> & { readonly release?: Release }): Promise<void> {
    await this.write(edgeConfig({ ...choices, release: this.release(choices.release ?? "one") }));
  }

  async write(config: StackInput): Promise<void> {
    this.#config = config;
    const salt = await readFile(this.#stackFile, "utf8").then(
      (text) => /^encryptionsalt: .*\n/m.exec(text)?.[0] ?? "",
      () => "",
    );
    const keys = Object.fromEntries(
      Object.entries(this.#config).map(([key, value]) => [`veza-edge:${key}`, value]),
    );
    await writeFile(this.#stackFile, stringify({ config: keys }, { aliasDuplicateObjects: false }) + salt);
  }

  get config(): StackInput {
    return this.#config;
  }

  /** Updates the stack, and throws with all that was said when that fails. */
  async up(): Promise<Ended> {
    const ended = await this.tryUp();
    if (ended.exitCode !== 0)
      throw new Error(`bin/pulumi up ended with ${String(ended.exitCode)}:\n${ended.said}`);
    return ended;
  }

  async tryUp(): Promise<Ended> {
    return this.startUp().ended;
  }

  /** Begins an update. */
  startUp(): Update {
    return this.#change("up");
  }

  /** What an update would do: resources by operation. */
  async preview(): Promise<Changes> {
    return (await this.#preview()).changeSummary;
  }

  /** What an update would say to hosts and containers, by the name of the resource. */
  async planned(): Promise<ReadonlyMap<string, string>> {
    const { steps } = await this.#preview();
    return new Map(
      steps.flatMap(({ urn, newState }) => {
        const document = newState?.inputs?.stdin;
        return document === undefined ? [] : [[urn.split("::").at(-1) ?? urn, document] as const];
      }),
    );
  }

  /** What `bin/veza diff` says of it, compared with what is deployed. */
  async diff(): Promise<StackDiff> {
    const before = process.env["PULUMI_BACKEND_URL"];
    process.env["PULUMI_BACKEND_URL"] = `file://${this.backend}`;
    try {
      const directory = pathToFileURL(`${this.project}/`);
      const tell = (): void => undefined;
      const [diff] = await diffStacks({ stacks: [this.name], whole: false, checks: false, directory, tell });
      if (diff === undefined) throw new Error(`nothing was said of ${this.name}`);
      return diff;
    } finally {
      if (before === undefined) delete process.env["PULUMI_BACKEND_URL"];
      else process.env["PULUMI_BACKEND_URL"] = before;
    }
  }

  async destroy(): Promise<Ended> {
    return this.#change("destroy").ended;
  }

  /** A verb of `bin/veza`, about this stack. */
  veza(verb: string, ...words: readonly string[]): Run {
    return runVeza([verb, "--stack", this.name, ...words], `file://${this.backend}`);
  }

  async outputs(): Promise<EdgeOutputs> {
    const ended = await this.#run(["stack", "output", "edge", "--json"]);
    return readOutputs(JSON.parse(ended.stdout));
  }

  /** Of the login that the output `database` names. */
  async databasePassword(): Promise<string> {
    return (await this.#run(["stack", "output", "databasePassword", "--show-secrets"])).stdout.trim();
  }

  async exportState(): Promise<unknown> {
    return JSON.parse((await this.#run(["stack", "export"])).stdout);
  }

  /** What a lost or never written state is: an empty backend. */
  async forgetState(): Promise<void> {
    await rm(this.backend, { recursive: true, force: true });
    await mkdir(this.backend);
  }

  async #preview(): Promise<z.infer<typeof previewed>> {
    const ended = await this.#run(["preview", "--json"]);
    if (ended.failed) throw new Error(ended.all);
    return previewed.parse(JSON.parse(ended.stdout));
  }

  get #stackFile(): string {
    return join(this.project, `Pulumi.${this.name}.yaml`);
  }

  #change(command: "up" | "destroy"): Update {
    this.#runs += 1;
    const events = join(this.#directory, `events-${String(this.#runs)}.json`);
    const run = this.#run([command, "--yes", "--skip-preview", "--event-log", events]);
    return new Update(run, events, () => this.#enginePid());
  }

  #run(words: readonly string[]): Run {
    return startPulumi([...words, "--stack", this.name, "--cwd", this.project], `file://${this.backend}`);
  }

  /** Process that holds the stack's lock; undefined when nobody does. */
  #enginePid(): number | undefined {
    const project = { name: "veza-edge", dir: this.project, file: join(this.project, "Pulumi.yaml") };
    return stackLocks({ dir: this.backend }, project, this.name)[0]?.pid;
  }
}
