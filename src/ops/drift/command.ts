import type { Command } from "commander";
import { stackOption } from "../stack-option.ts";
import type { DriftFlags } from "./drift.ts";

/** `veza drift` */
export function driftCommand(program: Command): void {
  program
    .command("drift")
    .description("compare what is on the hosts with what was applied, and bring back what differs")
    .addOption(stackOption())
    .option("--json", "print the result as JSON")
    .option("--repair", "apply again what has drifted, and remove what nobody applied")
    .option("-y, --yes", "do not ask before a repair")
    .option("--metrics <file>", "also write the result there, for Prometheus' textfile collector")
    .addHelpText(
      "after",
      `
What was decided at run time (drained servers, a flipped primary, issued certificates) is shown, and is not drift.
When it looked, and how much it found, is left on the hosts for bin/veza status.
Ends with 0 when nothing has drifted, with 2 when something has, with 3 when nothing was found but not everything could
be looked at, with 1 when a repair did not do all that it was to do.
Examples:
  bin/veza drift --stack prod
  bin/veza drift --stack prod --repair
  bin/veza drift --stack prod --json --metrics /var/lib/prometheus/node-exporter/veza-drift-prod.prom`,
    )
    .action(async (flags: DriftFlags) => {
      const [{ drift, driftExit }, { ask }] = await Promise.all([
        import("./drift.ts"),
        import("../postgres/ask.ts"),
      ]);
      const talk = {
        result: (text: string) => {
          console.log(text);
        },
        progress: (text: string) => {
          console.error(text);
        },
        ask,
      };
      try {
        process.exitCode = await drift(flags, talk);
      } catch (error) {
        // Whoever asks by a timer has to tell this from a drift.
        process.exitCode = driftExit.unseen;
        if (!(error instanceof Error) || process.env["VEZA_DEBUG"] !== undefined) throw error;
        console.error(`bin/veza: ${error.message}`);
      }
    });
}
