import { InvalidArgumentError, Option, type Command } from "commander";
import { stackOption } from "../stack-option.ts";

interface LogFlags {
  readonly stack: string;
  readonly follow?: boolean;
  readonly lines: number;
  readonly unit?: readonly string[];
  readonly requests?: boolean;
}

/** `veza logs` */
export function logsCommand(program: Command): void {
  program
    .command("logs")
    .description("show what a container's services wrote: an instance's application, HAProxy, Postgres")
    .argument("<container>", "instance or other container")
    .addOption(stackOption())
    .option("-f, --follow", "go on with what comes, until Ctrl-C")
    .option("-n, --lines <n>", "how many lines of before", count, 100)
    .option("-u, --unit <unit...>", "systemd units instead; '*' for all there is")
    .addOption(
      new Option("-r, --requests", "the access log of its HAProxy instead, JSON by lines").conflicts("unit"),
    )
    .addHelpText(
      "after",
      `
Ends as journalctl does in the container; with 1 when there is no such container, with 255 when ssh does not get through.
Examples: bin/veza logs backend-api-2 -f
          bin/veza logs haproxy --requests -f
          bin/veza logs haproxy -n 1000 --unit haproxy --stack prod`,
    )
    .action(async (name: string, { stack: stackName, follow, lines, unit, requests }: LogFlags) => {
      const [{ readStack }, { containerNamed }, { showLogs }] = await Promise.all([
        import("../stack.ts"),
        import("../containers.ts"),
        import("./inside.ts"),
      ]);
      const stack = await readStack(stackName);
      const choices = { follow: follow === true, lines, units: unit, requests: requests === true };
      process.exitCode = await showLogs(stack, await containerNamed(stack, name), choices);
    });
}

/** `veza shell` */
export function shellCommand(program: Command): void {
  program
    .command("shell")
    .description("open a shell in a container, as root, or run a command there")
    .argument("<container>", "instance or other container")
    .argument("[command...]", "what to run instead of a shell, after --")
    .addOption(stackOption())
    .addHelpText(
      "after",
      `
Ends as the shell or the command does; with 1 when there is no such container, with 255 when ssh does not get through.
Examples: bin/veza shell haproxy
          bin/veza shell postgres-1 --stack prod -- df -h /var/lib/postgresql`,
    )
    .action(async (name: string, command: readonly string[], { stack: stackName }: { stack: string }) => {
      const [{ readStack }, { containerNamed }, { openShell }] = await Promise.all([
        import("../stack.ts"),
        import("../containers.ts"),
        import("./inside.ts"),
      ]);
      const stack = await readStack(stackName);
      process.exitCode = await openShell(stack, await containerNamed(stack, name), command);
    });
}

function count(text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw new InvalidArgumentError("It has to be a whole number.");
  return Number(text);
}
