import type { Command } from "commander";

/** `veza diff` */
export function diffCommand(program: Command): void {
  program
    .command("diff")
    .description("show every file that a stack's config asks for, whole")
    .option("-s, --stack <stack>", "stack, by its file Pulumi.<stack>.yaml", "lab")
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
