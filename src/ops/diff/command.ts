import type { Command } from "commander";
import { stackOption } from "../stack-option.ts";

/** `veza diff` */
export function diffCommand(program: Command): void {
  program
    .command("diff")
    .description("show every file that a stack's config asks for, whole")
    .addOption(stackOption("stack, by its file Pulumi.<stack>.yaml"))
    .addHelpText(
      "after",
      `
Needs no backend, passphrase, secret, host or network.
Example: bin/veza diff --stack prod | less -R`,
    )
    .action(async ({ stack }: { stack: string }) => {
      const [{ diffStack }, { projectDirectory }] = await Promise.all([
        import("./diff.ts"),
        import("../stack.ts"),
      ]);
      process.stdout.write(await diffStack(stack, projectDirectory));
    });
}
