import { Option, type Command } from "commander";
import type { StackDiff } from "./diff.ts";

interface Options {
  /** One name, when nobody gave any. */
  readonly stack: string | readonly string[];
  readonly base?: string;
  readonly whole?: boolean;
  readonly format: "text" | "markdown" | "json";
  readonly json?: boolean;
  readonly check: "auto" | "required" | "off";
  readonly save?: string;
  readonly exitCode?: boolean;
  readonly plan?: boolean;
}

/** `veza diff` */
export function diffCommand(program: Command): void {
  program
    .command("diff")
    .description("show what an update would change: every line of every file, and what follows from it")
    .option(
      "-s, --stack <stack...>",
      "stacks, by their files Pulumi.<stack>.yaml (default: the selected one, else lab; with --base all)",
    )
    .option("-b, --base <revision>", "compare with another git revision, not with what is deployed")
    .option("--whole", "compare with nothing: every file whole")
    .addOption(
      new Option("-f, --format <format>", "how to print it")
        .choices(["text", "markdown", "json"])
        .default("text"),
    )
    .option("--json", "the same as --format json")
    .addOption(
      new Option(
        "--check <how>",
        "have haproxy, systemd-analyze, shellcheck and promtool read what is rendered",
      )
        .choices(["auto", "required", "off"])
        .default("auto"),
    )
    .option(
      "--save <folder>",
      "also write it there: preview.md, comment.md (short enough for a comment), preview.json",
    )
    .option("--exit-code", "end with 2 when anything would change")
    .addOption(new Option("--plan", "print what is planned, for a comparison by another revision").hideHelp())
    .addHelpText(
      "after",
      `
Compares with what is deployed where this machine can read the stack's state, otherwise with nothing. With --base it
needs no backend, passphrase, secret, host or network. Secrets are never shown.
Ends with 0 when the config is sound, changes or not; with 1 when it is not: a mistake in the config, or a program that
would refuse a rendered file; with --check required also when one could not be asked; with --exit-code with 2 when
anything would change.
Examples:
  bin/veza diff --stack prod | less -R
  bin/veza diff --base main --format markdown`,
    )
    .action(async (options: Options) => {
      const { projectDirectory: directory } = await import("../stack.ts");
      const { diffStacks, plansForAnother, verdict } = await import("./diff.ts");
      const { stack, base } = options;
      const nobodyChose = typeof stack === "string";
      const stacks = nobodyChose ? (base === undefined ? [stack] : []) : stack;
      if (options.plan === true) {
        process.stdout.write(`${JSON.stringify(await plansForAnother(stacks, directory))}\n`);
        return;
      }
      const diffs = await diffStacks({
        stacks,
        ...(base !== undefined && { base }),
        whole: options.whole === true,
        checks: options.check !== "off",
        directory,
        tell: (line) => {
          console.error(line);
        },
      }).catch(async (error: unknown) => {
        if (options.save !== undefined) await (await import("./save.ts")).saveError(options.save, error);
        throw error;
      });
      if (options.save !== undefined) await (await import("./save.ts")).save(options.save, diffs);
      process.stdout.write(await shown(diffs, options));
      const { different, invalid, unchecked } = verdict(diffs);
      if (invalid || (unchecked && options.check === "required")) process.exitCode = 1;
      else if (different && options.exitCode === true) process.exitCode = 2;
    });
}

async function shown(diffs: readonly StackDiff[], { format, json }: Options): Promise<string> {
  if (format === "json" || json === true) return (await import("./show-json.ts")).showJson(diffs);
  if (format === "markdown") return (await import("./show-markdown.ts")).showMarkdown(diffs);
  return (await import("./show-text.ts")).showText(diffs);
}
