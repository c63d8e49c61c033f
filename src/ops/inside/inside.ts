import { accessLog } from "../../haproxy/access-log.ts";
import { containersOf, type ContainerPlace } from "../containers.ts";
import { runOnHost } from "../host-program.ts";
import { readScript } from "../../shell/read-script.ts";
import { StackError, type DeployedStack } from "../stack.ts";

export interface LogChoices {
  /** Goes on with what is written from now on, until it is ended. */
  readonly follow: boolean;
  /** Lines of before to begin with. */
  readonly lines: number;
  /** systemd units or patterns of them. @default the units that do what the container is for */
  readonly units?: readonly string[] | undefined;
  /** The access log of its HAProxy instead. @default false */
  readonly requests?: boolean;
}

/**
 * Prints what a container's units wrote to its journal, or its access log.
 * @returns the exit code of journalctl(1), or of tail(1)
 * @throws StackError when there is no HAProxy in the container, and its requests are asked for
 */
export async function showLogs(
  stack: DeployedStack,
  container: ContainerPlace,
  choices: LogChoices,
): Promise<number> {
  if (choices.requests === true && !hasHaproxy(container)) {
    const others = containersOf(stack.outputs).filter(hasHaproxy);
    const names = others.map(({ name }) => name).join(", ");
    throw new StackError(
      `container ${container.name} has no HAProxy and no access log; these have: ${names}`,
    );
  }
  const words = logWords(stack.outputs.project, container, choices);
  return runOnHost(stack.host(container.host), words, { readsInput: false });
}

/** A shell in a container, or a command of it. @returns the exit code that it ended with */
export async function openShell(
  stack: DeployedStack,
  container: ContainerPlace,
  command: readonly string[],
): Promise<number> {
  const onTerminal = process.stdin.isTTY && process.stdout.isTTY;
  const words = shellWords(stack.outputs.project, container, command, onTerminal);
  return runOnHost(stack.host(container.host), words);
}

type Words = [string, ...string[]];

export function logWords(project: string, container: ContainerPlace, choices: LogChoices): Words {
  const lines = ["--lines", String(choices.lines)];
  const units = (choices.units ?? container.units).flatMap((unit) => ["--unit", unit]);
  const command =
    choices.requests === true
      ? ["tail", ...lines, ...(choices.follow ? ["--follow=name", "--retry"] : []), accessLog]
      : ["journalctl", "--no-pager", ...lines, ...(choices.follow ? ["--follow"] : []), ...units];
  return [...exec(project, container), "--mode=non-interactive", "--disable-stdin", "--", ...whole(command)];
}

function hasHaproxy({ units }: ContainerPlace): boolean {
  return units.includes("haproxy");
}

export function shellWords(
  project: string,
  container: ContainerPlace,
  command: readonly string[],
  onTerminal: boolean,
): Words {
  const what = command.length === 0 ? ["bash", "--login"] : onTerminal ? command : whole(command);
  const mode = onTerminal ? "interactive" : "non-interactive";
  return [...exec(project, container), `--mode=${mode}`, "--", ...what];
}

function exec(project: string, { name }: ContainerPlace): Words {
  return ["incus", "exec", name, "--project", project];
}

function whole(command: readonly string[]): string[] {
  return ["sh", "-c", readScript(import.meta.url, "whole.sh"), "sh", ...command];
}
