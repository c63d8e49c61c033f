import { copyFile, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { emptyProgram, emptyStack } from "../test/lab/support/empty-program.ts";
import { runTimed } from "../test/lab/support/run-timed.ts";
import { LabStack } from "../test/lab/support/stack.ts";
import type { Progress } from "../tools/progress.ts";
import { findToolchain } from "../tools/toolchain/find.ts";
import { engineSection, type EngineResult, type Sample } from "./engine/report.ts";
import { load, machine, publish } from "./result.ts";
import { optionsFrom } from "./options.ts";

const repository = fileURLToPath(new URL("../", import.meta.url));

const options = z.object({
  /** Another checkout of this repository. */
  against: z.string().optional(),
  rounds: z.coerce.number().int().min(1).default(5),
});
const spec = { against: { type: "string" }, rounds: { type: "string" } } as const;
const usage = "npm run bench engine -- [--against OTHER-CHECKOUT] [--rounds 5]";

/** Something that is run again and again on a stack with nothing to do. */
interface Piece {
  readonly name: string;
  readonly command: readonly string[];
  readonly cwd: string;
}

/**
 * What an update with nothing to do costs and its pieces cost, in turns; with another checkout, the same update by that
 * one as well.
 * @throws SetupError for options that it does not have
 */
export async function measureEngine(words: readonly string[], progress: Progress): Promise<void> {
  const { against, rounds } = optionsFrom(words, spec, options, usage);
  const stack = await LabStack.open({ api: [1, 2], stream: [1, 2] });
  const folder = await mkdtemp(join(tmpdir(), "veza-engine-"));
  try {
    await progress.step("Stack of 2+2 instances", () => stack.up());
    const pieces = [
      updateBy(repository, stack.project, stack.name),
      ...(against === undefined
        ? []
        : [updateBy(resolve(against), await projectOf(resolve(against), stack, folder), stack.name)]),
      ...(await piecesOf(stack, folder)),
    ];
    const samples: Sample[] = [];
    for (let round = 1; round <= rounds; round++)
      await progress.step(`Round ${String(round)} of ${String(rounds)}`, async (note) => {
        for (const piece of pieces) {
          note(`${piece.name}, load ${String(load())}`);
          const taken = await runTimed(piece.command, piece.cwd, stack.backend);
          samples.push({ piece: piece.name, round, ...taken });
        }
      });
    const result: EngineResult = { ...(await machine()), samples };
    await publish("engine", result, engineSection(result));
  } finally {
    await stack.close();
    await rm(folder, { recursive: true, force: true });
  }
}

const quietly = ["up", "--yes", "--skip-preview", "--non-interactive"];

function updateBy(checkout: string, project: string, stack: string): Piece {
  const name = checkout === repository ? "bin/pulumi up" : `bin/pulumi up of ${basename(checkout)}`;
  return {
    name,
    command: [join(checkout, "bin", "pulumi"), ...quietly, "--stack", stack, "--cwd", project],
    cwd: project,
  };
}

/** The stack's project with the program of another checkout. */
async function projectOf(checkout: string, stack: LabStack, folder: string): Promise<string> {
  const project = join(folder, "project");
  await mkdir(project);
  for (const file of ["Pulumi.yaml", `Pulumi.${stack.name}.yaml`])
    await copyFile(join(stack.project, file), join(project, file));
  for (const link of ["src", "templates", "node_modules", "package.json"])
    await symlink(join(checkout, link), join(project, link));
  return project;
}

/** What an update consists of, by itself; the empty program is what Pulumi takes whatever a program does. */
async function piecesOf(stack: LabStack, folder: string): Promise<readonly Piece[]> {
  const pulumi = findToolchain()?.pulumi ?? "pulumi";
  const empty = join(folder, "empty");
  await emptyProgram(empty);
  const of = (name: string, cwd: string, ...command: string[]): Piece => ({ name, command, cwd });
  return [
    of("the same by pulumi itself, without a look", stack.project, pulumi, ...quietly, "--stack", stack.name),
    of(
      "pulumi up of an empty program",
      empty,
      join(repository, "bin", "pulumi"),
      ...quietly,
      "--stack",
      emptyStack,
    ),
    of(
      "stack export --show-secrets",
      stack.project,
      pulumi,
      "stack",
      "export",
      "--show-secrets",
      "--stack",
      stack.name,
    ),
    of("pulumi version", stack.project, pulumi, "version"),
    of("node, loading the SDK", stack.project, process.execPath, "-e", 'require("@pulumi/pulumi")'),
  ];
}
