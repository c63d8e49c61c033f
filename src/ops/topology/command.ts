import type { Command } from "commander";
import { stackOption } from "../stack-option.ts";

/** `veza topology` */
export function topologyCommand(program: Command): void {
  program
    .command("topology")
    .description("show which Postgres node is the primary, how its standby is, and what every router sees")
    .addOption(stackOption())
    .option("--json", "print it as JSON")
    .addHelpText(
      "after",
      `
Changes nothing. Ends with 0 when all is well, with 2 when something is not as it should be, with 1 when the stack cannot
be read.
Example: bin/veza topology --stack prod --json`,
    )
    .action(async ({ stack, json }: { stack: string; json?: boolean }) => {
      const [{ readStack }, { postgresSite }, { look }, { judge }, { topologyTables }] = await Promise.all([
        import("../stack.ts"),
        import("../postgres/site.ts"),
        import("../postgres/look.ts"),
        import("../postgres/judge.ts"),
        import("../postgres/table.ts"),
      ]);
      const topology = await look(postgresSite(await readStack(stack)), (text) => {
        console.error(text);
      });
      const judgement = judge(topology);
      if (json === true) console.log(JSON.stringify({ ...judgement, ...topology }, null, 2));
      else console.log(topologyTables(topology, judgement));
      if (judgement.verdict !== "well") process.exitCode = 2;
    });
}
