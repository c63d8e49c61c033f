import { Command } from "commander";
import { certificatesCommand } from "./certificates/command.ts";
import { completionCommand } from "./completion/command.ts";
import { diffCommand } from "./diff/command.ts";
import { doctorCommand } from "./doctor/command.ts";
import { driftCommand } from "./drift/command.ts";
import { drillCommand } from "./drill/command.ts";
import { failoverCommand } from "./failover/command.ts";
import { flipCommand } from "./flip/command.ts";
import { logsCommand, shellCommand } from "./inside/command.ts";
import { maintenanceCommand } from "./maintenance/command.ts";
import { rebuildCommand } from "./rebuild/command.ts";
import { drainCommand, readyCommand } from "./servers/command.ts";
import { chooseStack } from "./stack-option.ts";
import { statusCommand } from "./status/command.ts";
import { topologyCommand } from "./topology/command.ts";

// Colours are for a terminal. The library would use them wherever CI is set, too; it looks when a verb loads it.
if (!process.stdout.isTTY && process.env["FORCE_COLOR"] === undefined) process.env["NO_COLOR"] = "1";

const program = new Command("veza")
  .description("Looks at a stack of veza-edge and operates it.")
  .showHelpAfterError("(veza --help shows every verb)")
  .addHelpText(
    "after",
    `
bin/veza VERB --help shows a verb's options, how it ends, and an example; docs/operating.md tells of all of them.
Examples: bin/veza status --stack prod
          bin/veza drain backend-api-1
          source <(bin/veza completion bash)`,
  )
  .hook("preAction", (_, called) => chooseStack(called));
certificatesCommand(program);
completionCommand(program);
diffCommand(program);
doctorCommand(program);
drainCommand(program);
driftCommand(program);
drillCommand(program);
failoverCommand(program);
flipCommand(program);
logsCommand(program);
maintenanceCommand(program);
readyCommand(program);
rebuildCommand(program);
shellCommand(program);
statusCommand(program);
topologyCommand(program);

try {
  await program.parseAsync();
} catch (error) {
  // The errors of this program are written for a person; a stack trace is for whoever debugs it.
  const forPeople = error instanceof Error && process.env["VEZA_DEBUG"] === undefined;
  console.error(forPeople ? `bin/veza: ${error.message}` : error);
  process.exitCode = 1;
}
