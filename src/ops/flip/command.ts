import { InvalidArgumentError, type Command } from "commander";
import { stackOption } from "../stack-option.ts";

interface FlipFlags {
  readonly stack: string;
  readonly to?: string;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly maxLag: number;
}

/** `veza flip-db` */
export function flipCommand(program: Command): void {
  program
    .command("flip-db")
    .description(
      "move the Postgres primary to its standby without losing a commit, or end a flip that was cut off",
    )
    .addOption(stackOption())
    .option("--to <node>", "node that shall be the primary (default: the standby)")
    .option("-y, --yes", "do not ask")
    .option("--dry-run", "show what would be done, and do nothing")
    .option("--max-lag <MiB>", "how far the standby may be behind when it begins", mebibytes, 16)
    .addHelpText(
      "after",
      `
Ends with 0 when the node that was asked for is the primary, or when an earlier flip was ended; with 1 otherwise. When it
fails before the promotion, the old primary is the primary again. It can be run again after anything.
Example: bin/veza flip-db --to postgres-2 --stack prod`,
    )
    .action(async (flags: FlipFlags) => {
      const [{ readStack }, { postgresSite }, { flip }, { ask }] = await Promise.all([
        import("../stack.ts"),
        import("../postgres/site.ts"),
        import("./flip.ts"),
        import("../postgres/ask.ts"),
      ]);
      const site = postgresSite(await readStack(flags.stack));
      const end = await flip(
        site,
        { to: flags.to, maxLagBytes: flags.maxLag * 1024 * 1024 },
        {
          line: (text) => {
            console.log(text);
          },
          did: ({ title, seconds }) => {
            console.log(`${seconds.toFixed(2).padStart(7)} s  ${title}`);
          },
          agreed: async () => flags.yes === true || ask("Go on?"),
        },
        { dryRun: flags.dryRun === true },
      );
      if (end.kind === "nothing" || end.kind === "declined") return;
      console.log(
        `${end.primary ?? ""} is the primary. Writes waited ${(end.outageSeconds ?? 0).toFixed(2)} s by the clock of this machine.`,
      );
    });
}

function mebibytes(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) throw new InvalidArgumentError("It has to be a number of MiB.");
  return value;
}
