import type { Command } from "commander";

/** `veza doctor` */
export function doctorCommand(program: Command): void {
  program
    .command("doctor")
    .description("show what this machine has of what is needed, where it came from, and what is missing")
    .option("--json", "print the findings as JSON")
    .addHelpText(
      "after",
      "\nEnds with 1 when something is missing. Changes nothing.\nExample: bin/veza doctor --json",
    )
    .action(async ({ json }: { json?: boolean }) => {
      const { examine, findingsTable } = await import("./doctor.ts");
      const findings = await examine();
      console.log(json === true ? JSON.stringify(findings, null, 2) : findingsTable(findings));
      if (findings.some((finding) => !finding.ok)) process.exitCode = 1;
    });
}
