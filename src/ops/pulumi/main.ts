import { mkdirSync } from "node:fs";
import { resolve } from "node:path";

import { quietVariable } from "../../quiet-variable.ts";
import { findToolchain, type Toolchain } from "../../../tools/toolchain/find.ts";
import { readCall, type PulumiCall } from "./arguments.ts";
import { environmentHere } from "./environment.ts";
import { fileBackend, hasStack, stackLocks } from "./file-backend.ts";
import { clearDeadLocks } from "./locks.ts";
import { findProject, selectedStack, type Project } from "./project.ts";
import { createMissingStack, type PulumiRun } from "./stack-init.ts";
import { exportState } from "./state-export.ts";

/** Commands that need a stack to exist: it is created when it has a file and no state yet. */
const needStack = new Set(["up", "update", "preview", "pre", "refresh", "config", "import", "watch"]);
/** Commands that Pulumi runs under the stack's lock. */
const takeLock = new Set(["up", "update", "refresh", "destroy", "import"]);

const say = (line: string) => process.stderr.write(`${line}\n`);

const args = process.argv.slice(2);
const problem = await main(args);
if (problem !== undefined) {
  say(`bin/pulumi: ${problem}`);
  process.exitCode = 1;
}

/** Does not come back when all is well: this process becomes Pulumi, or ends as Pulumi ended. */
async function main(args: readonly string[]): Promise<string | undefined> {
  const call = readCall(args);
  const toolchain = findToolchain() ?? (await getToolchain());
  const cwd = resolve(call.cwd ?? ".");
  const project = findProject(cwd);
  const stack = call.stack ?? (project && selectedStack(process.env, toolchain.pulumiHome, project));

  const environment = environmentHere(toolchain, stack, call.command);
  if ("refusal" in environment) return environment.refusal;
  const { env, backend } = environment;
  const local = fileBackend(backend);
  if (local) mkdirSync(local.dir, { recursive: true, mode: 0o700 });
  if (!call.debug) env[quietVariable] = "true";
  const run: PulumiRun = { pulumi: toolchain.pulumi, env, cwd };

  if (!call.help && project && stack === undefined && needStack.has(call.command)) return noStack(project);
  if (!call.help && project && stack !== undefined) {
    const problem = prepare(run, call, backend, project, stack);
    if (problem !== undefined) return problem;
    if (isUpdate(call)) {
      const asked = !local || hasStack(local, project, stack) ? exportState(run, stack) : undefined;
      // Whoever waits for it hears of it.
      asked?.catch(() => undefined);
      const { update } = await import("./update.ts");
      return update(run, args, project, stack, asked, say);
    }
  }
  // Not a child: signals, terminal and exit code are Pulumi's without a go-between.
  if (!process.execve) throw new Error(`Node ${process.version} is too old: 22.18 or newer is needed`);
  process.execve(toolchain.pulumi, [toolchain.pulumi, ...args], definedOnly(env));
}

/** What must be true before Pulumi looks at a stack; returns what to tell the person when it is not. */
function prepare(
  run: PulumiRun,
  call: PulumiCall,
  backend: string | undefined,
  project: Project,
  stack: string,
): string | undefined {
  if (aboutStack(call)) {
    const problem = createMissingStack(run, backend, project, stack, say);
    if (problem !== undefined) return problem;
  }
  const local = fileBackend(backend);
  if (!local || !takeLock.has(call.command) || call.previewOnly) return undefined;
  return clearDeadLocks(stack, stackLocks(local, project, stack), say);
}

function aboutStack(call: PulumiCall): boolean {
  return needStack.has(call.command) || (call.command === "stack" && call.subcommand === "select");
}

function noStack(project: Project): string {
  return `no stack is selected for ${project.name}; nothing was done. Add --stack lab (or staging, prod),
or select one for later calls: bin/pulumi stack select lab`;
}

function isUpdate(call: PulumiCall): boolean {
  return (call.command === "up" || call.command === "update") && !call.previewOnly;
}

async function getToolchain(): Promise<Toolchain> {
  say("The pinned Pulumi is not on this machine yet: getting it (once; minutes where it must be built).");
  const [{ ensureToolchain }, { plainProgress }] = await Promise.all([
    import("../../../tools/toolchain/index.ts"),
    import("../../../tools/progress.ts"),
  ]);
  return ensureToolchain(plainProgress(say));
}

function definedOnly(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
