import { InvalidArgumentError, type Command } from "commander";
import { stackOption } from "../stack-option.ts";

interface StatusFlags {
  readonly stack: string;
  /** Seconds; true without a number. */
  readonly watch?: number | true;
  readonly json?: boolean;
}

/** `veza status` */
export function statusCommand(program: Command): void {
  program
    .command("status")
    .description(
      "show a stack on one screen: hosts, containers, servers and their traffic, certificates, database",
    )
    .addOption(stackOption())
    .option("-w, --watch [seconds]", "show it again and again, every second unless told otherwise", seconds)
    .option("--json", "print it as JSON; with --watch one line each time")
    .addHelpText(
      "after",
      `
Changes nothing. Ends with 0 when all is well, with 2 when something is not as it should be, with 1 when the stack cannot
be read. A watch ends with Ctrl-C, and so what was seen last. In it, errors since it began are in parentheses.
Examples: bin/veza status
          bin/veza status --watch --stack prod`,
    )
    .action(async ({ stack: name, watch, json }: StatusFlags) => {
      const [{ readStack }, { StackWatch }, { showOnce, showAgainAndAgain }] = await Promise.all([
        import("../stack.ts"),
        import("./watch.ts"),
        import("./show.ts"),
      ]);
      const stack = await readStack(name);
      const sources = new StackWatch(stack);
      const to = { json: json === true, outputs: stack.outputs };
      const findings = await (
        watch === undefined
          ? showOnce(sources, to)
          : showAgainAndAgain(sources, to, (watch === true ? 1 : watch) * 1000)
      ).finally(() => sources.close());
      if (findings.problems.length > 0) process.exitCode = 2;
    });
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value >= 0.2 && value <= 3600)) throw new InvalidArgumentError("It has to be 0.2 to 3600 seconds.");
  return value;
}
