import type { Command } from "commander";
import { stackOption } from "../stack-option.ts";

const server = ["<server>", "SERVER, or POOL/SERVER where several pools have one of that name"] as const;
const ends = "Ends with 0 when every load balancer did it, with 1 otherwise. It can be run again.";

/** `veza drain` */
export function drainCommand(program: Command): void {
  program
    .command("drain")
    .description("have every load balancer send nothing new to a server, until `ready` takes that back")
    .argument(...server)
    .addOption(stackOption())
    .option("--force", "also the last server of its pool that takes requests")
    .addHelpText(
      "after",
      `
Clients that were on it move to the others; WebSockets stay until somebody closes them. It outlives reloads, restarts and
updates. bin/veza status --watch shows how it empties. ${ends}
Example: bin/veza drain backend-api-1 --stack prod`,
    )
    .action(async (said: string, flags: { stack: string; force?: boolean }) => {
      const [{ readStack, StackError }, { label, lastOne, serverNamed, setServer, statisticsOfAll }] =
        await Promise.all([import("../stack.ts"), import("./servers.ts")]);
      const stack = await readStack(flags.stack);
      const wanted = serverNamed(stack.outputs.pools, said);
      const reason = flags.force === true ? undefined : lastOne(wanted, await statisticsOfAll(stack));
      if (reason !== undefined) throw new StackError(reason);
      await setServer(stack, wanted, "drain");
      console.log(`${label(wanted)} drains. To take it back: bin/veza ready ${said} --stack ${stack.name}`);
    });
}

/** `veza ready` */
export function readyCommand(program: Command): void {
  program
    .command("ready")
    .description("have every load balancer use a server again that was drained, or in maintenance")
    .argument(...server)
    .addOption(stackOption())
    .addHelpText(
      "after",
      `
${ends}
Example: bin/veza ready backend-api-1 --stack prod`,
    )
    .action(async (said: string, flags: { stack: string }) => {
      const [{ readStack }, { label, serverNamed, setServer }] = await Promise.all([
        import("../stack.ts"),
        import("./servers.ts"),
      ]);
      const stack = await readStack(flags.stack);
      const wanted = serverNamed(stack.outputs.pools, said);
      await setServer(stack, wanted, "ready");
      console.log(`${label(wanted)} takes part again as soon as its checks succeed.`);
    });
}
