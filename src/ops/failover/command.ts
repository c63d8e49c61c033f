import type { Command } from "commander";
import { stackOption } from "../stack-option.ts";

/** `veza failover` */
export function failoverCommand(program: Command): void {
  program
    .command("failover")
    .description(
      "promote the standby of a Postgres primary that is gone for good; what it did not receive is lost",
    )
    .addOption(stackOption())
    .requiredOption("--force", "there is no other failover: a primary that lives is moved by flip-db")
    .addHelpText(
      "after",
      `
Asks for the name of the node that becomes the primary. The old one's container is stopped first and does not start with
its host any more; where its host cannot be reached, you have to say that it has no power.
Example: bin/veza failover --force --stack prod`,
    )
    .action(async ({ stack }: { stack: string }) => {
      const [{ readStack }, { postgresSite }, { forceFailover }, { askFor }] = await Promise.all([
        import("../stack.ts"),
        import("../postgres/site.ts"),
        import("./failover.ts"),
        import("../postgres/ask.ts"),
      ]);
      const talk = {
        line: (text: string) => {
          console.log(text);
        },
        ask: askFor,
      };
      await forceFailover(postgresSite(await readStack(stack)), talk);
    });
}
