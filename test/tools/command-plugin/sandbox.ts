import { mkdtempSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import * as pulumi from "@pulumi/pulumi";
import {
  CommandError,
  LocalWorkspace,
  type OutputMap,
  type PulumiFn,
  type Stack,
} from "@pulumi/pulumi/automation/index.js";
import { execa } from "execa";

import { findToolchain } from "../../../tools/toolchain/index.ts";

/** What one run of the engine came to. */
export interface Run {
  readonly ok: boolean;
  /** All that was printed, both streams. */
  readonly text: string;
  readonly outputs: OutputMap;
  readonly ms: number;
}

export interface UpOptions {
  /** One failed resource does not keep the others from being tried. */
  readonly continueOnError?: boolean;
  /** Interrupts the run as Ctrl-C does. */
  readonly signal?: AbortSignal;
}

/**
 * Pulumi with nothing but the plugin under test: PULUMI_HOME, backend and scratch files in one folder that
 * goes away. The plugin is the binary at VEZA_COMMAND_PLUGIN, else the toolchain's.
 */
export class Sandbox {
  /** Scratch folder for what commands write. */
  readonly files: string;
  readonly #root: string;
  readonly #stacks = new Map<string, Stack>();

  readonly #environment: Readonly<Record<string, string>>;

  private constructor(root: string, environment: Record<string, string>) {
    this.#root = root;
    this.#environment = {
      PULUMI_HOME: join(root, "home"),
      PULUMI_BACKEND_URL: `file://${root}`,
      PULUMI_CONFIG_PASSPHRASE: "only for tests",
      PULUMI_SKIP_UPDATE_CHECK: "true",
      SSH_AUTH_SOCK: "",
      ...environment,
    };
    this.files = join(root, "files");
    mkdirSync(this.files);
  }

  /** `environment` is added to what the engine and the plugin get. */
  static async create(environment: Record<string, string> = {}): Promise<Sandbox> {
    const toolchain = findToolchain();
    const plugin = process.env["VEZA_COMMAND_PLUGIN"] ?? toolchain?.origins.command.path;
    const pulumiBinary = process.env["VEZA_PULUMI"] ?? toolchain?.pulumi;
    if (plugin === undefined || pulumiBinary === undefined) {
      throw new Error("no plugin to test: set up the toolchain, or set VEZA_COMMAND_PLUGIN and VEZA_PULUMI");
    }
    // The Automation API looks for the CLI there.
    process.env["PATH"] = `${dirname(pulumiBinary)}:${process.env["PATH"] ?? ""}`;
    const sandbox = new Sandbox(mkdtempSync(join(tmpdir(), "command-plugin-")), environment);
    await execa(pulumiBinary, ["plugin", "install", "resource", "command", "1.2.1", "--file", plugin], {
      env: sandbox.#environment,
    });
    return sandbox;
  }

  async up(name: string, program: PulumiFn, options: UpOptions = {}): Promise<Run> {
    return this.#run(name, program, (stack, onOutput) =>
      stack.up({ onOutput, onError: onOutput, diff: true, ...options }),
    );
  }

  /** What `pulumi preview --diff` shows; nothing runs. */
  async preview(name: string, program: PulumiFn): Promise<Run> {
    return this.#run(name, program, async (stack, onOutput) => {
      await stack.preview({ onOutput, onError: onOutput, diff: true });
      return { outputs: {} };
    });
  }

  async destroy(name: string): Promise<Run> {
    return this.#run(
      name,
      async () => {},
      async (stack, onOutput) => {
        await stack.destroy({ onOutput, onError: onOutput });
        return { outputs: {} };
      },
    );
  }

  /** The state file as it lies on the disk. */
  state(name: string): string {
    return readFileSync(join(this.#root, ".pulumi", "stacks", "parity", `${name}.json`), "utf8");
  }

  /** A scratch file's lines; none where there is no file. */
  lines(file: string): string[] {
    try {
      return readFileSync(join(this.files, file), "utf8").split("\n").slice(0, -1);
    } catch {
      return [];
    }
  }

  dispose(): void {
    rmSync(this.#root, { recursive: true, force: true });
  }

  async #run(
    name: string,
    program: PulumiFn,
    act: (stack: Stack, onOutput: (text: string) => void) => Promise<{ outputs: OutputMap }>,
  ): Promise<Run> {
    let text = "";
    const started = Date.now();
    const stack = await this.#stack(name, program);
    try {
      const { outputs } = await act(stack, (part) => (text += part));
      return { ok: true, text, outputs, ms: Date.now() - started };
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      return { ok: false, text, outputs: {}, ms: Date.now() - started };
    }
  }

  async #stack(name: string, program: PulumiFn): Promise<Stack> {
    let stack = this.#stacks.get(name);
    if (!stack) {
      const args = { projectName: "parity", stackName: name, program };
      stack = await LocalWorkspace.createOrSelectStack(args, { envVars: { ...this.#environment } });
      this.#stacks.set(name, stack);
    }
    stack.workspace.program = program;
    return stack;
  }
}

/** A resource with inputs that the typed SDK would not let through. */
export class RawResource extends pulumi.CustomResource {
  constructor(type: string, name: string, inputs: pulumi.Inputs) {
    super(type, name, inputs, { version: "1.2.1" });
  }
}
