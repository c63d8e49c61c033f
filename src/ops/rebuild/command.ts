import { InvalidArgumentError, type Command } from "commander";
import { stackOption } from "../stack-option.ts";

/** `veza rebuild-standby` */
export function rebuildCommand(program: Command): void {
  program
    .command("rebuild-standby")
    .description("copy a Postgres node anew from the primary; what it had is kept in a snapshot")
    .argument("<node>", "node to wipe and copy; never the primary")
    .addOption(stackOption())
    .option("-y, --yes", "do not ask")
    .option("--keep <n>", "how many snapshots of rebuilds stay (default: postgres.snapshotsKept)", count)
    .addHelpText(
      "after",
      `
The primary goes on taking writes meanwhile. When it fails, the snapshot is kept, and the message says how to return to it.
Example: bin/veza rebuild-standby postgres-1 --stack prod`,
    )
    .action(async (node: string, flags: { stack: string; yes?: boolean; keep?: number }) => {
      const [{ readStack }, { postgresSite }, { rebuildStandby }, { ask }] = await Promise.all([
        import("../stack.ts"),
        import("../postgres/site.ts"),
        import("./rebuild.ts"),
        import("../postgres/ask.ts"),
      ]);
      const { isTTY } = process.stdout;
      const talk = {
        line: (text: string) => {
          console.log(isTTY ? `\r\u001b[K${text}` : text);
        },
        progress: (text: string) => {
          if (isTTY) process.stdout.write(`\r\u001b[K${text}`);
          else console.log(text);
        },
        agreed: async () => flags.yes === true || ask("Go on?"),
      };
      const stack = await readStack(flags.stack);
      const keep = flags.keep ?? stack.outputs.postgres?.snapshotsKept ?? 3;
      await rebuildStandby(postgresSite(stack), node, talk, keep);
    });
}

function count(text: string): number {
  if (!/^\d{1,4}$/.test(text)) throw new InvalidArgumentError("It has to be a whole number.");
  return Number(text);
}
