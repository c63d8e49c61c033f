import { InvalidArgumentError, type Command } from "commander";
import { isAddressRange } from "../../config/address-range.ts";
import { stackOption } from "../stack-option.ts";

interface UpFlags {
  readonly stack: string;
  readonly allow?: readonly string[];
  readonly keepServices?: boolean;
}

/** `veza maintenance …` */
export function maintenanceCommand(program: Command): void {
  const maintenance = program
    .command("maintenance")
    .description("close a stack to its clients, who see a page meanwhile, and open it again");
  maintenance
    .command("up")
    .description("load balancers answer 503 with a page, then the applications stop")
    .addOption(stackOption())
    .option(
      "--allow <network>",
      "address or range that is served all the same (more than once for several; config has others)",
      network,
    )
    .option("--keep-services", "leave the applications running, for those who are let through")
    .addHelpText(
      "after",
      `
It holds until \`maintenance down\`: over a reload, a restart, a boot, and an update of the stack. Said again it takes the place
of what was said before. Ends with 0 when all of it was done, with 1 when something could not be, which the same again does.
Examples:
  bin/veza maintenance up --stack prod
  bin/veza maintenance up --stack prod --keep-services --allow 192.0.2.10   # try a new version before anybody else`,
    )
    .action(async ({ stack, allow = [], keepServices }: UpFlags) => {
      const [{ readStack }, { maintenanceSite }, { closeStack }] = await Promise.all([
        import("../stack.ts"),
        import("./site.ts"),
        import("./maintenance.ts"),
      ]);
      const site = maintenanceSite(await readStack(stack));
      const done = await closeStack(site, { allow, keepServices: keepServices === true }, talk);
      ends(done, `Stack ${stack} is in maintenance. bin/veza maintenance down --stack ${stack} ends it.`);
    });
  maintenance
    .command("down")
    .description("the applications start, and when load balancers see them well, clients are served again")
    .addOption(stackOption())
    .option("--force", "serve clients without waiting for the applications")
    .addHelpText(
      "after",
      `
Clients go on seeing the page while an application that was started is not well (120 s at most, then it ends with 1). An
instance that cannot be started is named, and the others serve without it. Ends with 0 when all of it was done.
Example: bin/veza maintenance down --stack prod`,
    )
    .action(async ({ stack, force }: { stack: string; force?: boolean }) => {
      const [{ readStack }, { maintenanceSite }, { openStack }] = await Promise.all([
        import("../stack.ts"),
        import("./site.ts"),
        import("./maintenance.ts"),
      ]);
      const site = maintenanceSite(await readStack(stack));
      const done = await openStack(site, { force: force === true }, talk);
      ends(done, `Stack ${stack} serves its clients.`);
    });
  maintenance
    .command("status", { isDefault: true })
    .description("show who is closed out and what runs (what `maintenance` alone does)")
    .addOption(stackOption())
    .option("--json", "print it as JSON")
    .addHelpText(
      "after",
      `
Changes nothing. Ends with 0 when all agree, in maintenance or not; with 2 when something is not as it should be; with 1
when the stack cannot be read.
Example: bin/veza maintenance status --stack prod --json`,
    )
    .action(async ({ stack, json }: { stack: string; json?: boolean }) => {
      const [{ readStack }, { maintenanceSite }, { judge, look }, { maintenanceTables }] = await Promise.all([
        import("../stack.ts"),
        import("./site.ts"),
        import("./state.ts"),
        import("./report.ts"),
      ]);
      const state = await look(maintenanceSite(await readStack(stack)));
      const judgement = judge(state);
      if (json === true) console.log(JSON.stringify({ ...judgement, ...state }, null, 2));
      else console.log(maintenanceTables(state, judgement));
      if (judgement.problems.length > 0) process.exitCode = 2;
    });
}

const talk = {
  did: (container: string, what: string): void => {
    console.log(`${container}: ${what}`);
  },
  failed: (container: string, why: string): void => {
    console.error(`✗ ${container === "" ? "" : `${container}: `}${why}`);
  },
};

function ends(done: boolean, text: string): void {
  if (done) console.log(text);
  else {
    console.error(
      "Not all of it was done. bin/veza maintenance status shows where things stand; the same again does the rest.",
    );
    process.exitCode = 1;
  }
}

function network(text: string, before: readonly string[] = []): readonly string[] {
  if (!isAddressRange(text))
    throw new InvalidArgumentError(
      "It has to be an IPv4 address or range such as 192.0.2.10 or 192.0.2.0/24.",
    );
  return [...before, text];
}
