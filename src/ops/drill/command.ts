import type { Command } from "commander";
import { readFile } from "node:fs/promises";
import { stackOption } from "../stack-option.ts";

interface FailoverFlags {
  readonly stack: string;
  readonly instance?: string;
  readonly url?: string;
  readonly ca?: string;
  readonly rate: number;
  readonly json?: boolean;
}

/** `veza drill …` */
export function drillCommand(program: Command): void {
  program
    .command("drill")
    .description("rehearse a failure with load running")
    .command("failover")
    .description("stop one instance hard under load, judge what clients noticed, start it again")
    .addOption(stackOption())
    .option("-i, --instance <name>", "instance to stop (default: the first of api_pool)")
    .option("--url <url>", "where clients come in (default: the load balancer's first address)")
    .option("--ca <file>", "PEM file with the certificate to believe, where it is not from a public CA")
    .option("--rate <n>", "requests per second of each group of clients", Number, 150)
    .option("--json", "print the report as JSON, and the timeline on standard error")
    .addHelpText(
      "after",
      `
Ends with 1 when a promise was broken. The instance is started again in any case.
Example: bin/veza drill failover --instance backend-api-2`,
    )
    .action(async (flags: FailoverFlags) => {
      const [{ readStack }, { edgeTarget }, { runFailoverDrill }, { unfit }, { drillTables }] =
        await Promise.all([
          import("../stack.ts"),
          import("./edge-target.ts"),
          import("./failover.ts"),
          import("./unfit.ts"),
          import("./table.ts"),
        ]);
      const ca = flags.ca === undefined ? undefined : await readFile(flags.ca, "utf8");
      const stack = await readStack(flags.stack);
      const target = await edgeTarget(stack, { url: flags.url, ca });
      const line =
        flags.json === true
          ? (text: string) => void process.stderr.write(`${text}\n`)
          : (text: string) => {
              console.log(text);
            };
      const report = await runFailoverDrill(
        target,
        { perSecond: flags.rate, ...(flags.instance === undefined ? {} : { instance: flags.instance }) },
        { line },
      )
        .catch(async (error: unknown) => {
          throw await unfit(stack, error);
        })
        .finally(() => target.close());
      console.log(flags.json === true ? JSON.stringify(report, null, 2) : drillTables(report));
      if (!report.kept) process.exitCode = 1;
    });
}
