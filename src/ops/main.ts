import { Command } from "commander";
import { ConfigError } from "../config/problem.ts";

const projectDirectory = new URL("../../", import.meta.url);

const program = new Command("veza")
  .description("Looks at a stack of veza-edge and operates it.")
  .showHelpAfterError("(veza --help shows every verb)");

program
  .command("diff")
  .description(
    "show every file the stack's config asks for, whole; needs no backend, secret, host or network",
  )
  .option("-s, --stack <stack>", "stack, by its file Pulumi.<stack>.yaml", "lab")
  .addHelpText("after", "\nExample: bin/veza diff --stack prod | less -R")
  .action(async ({ stack }: { stack: string }) => {
    const { diffStack } = await import("./diff/diff.ts");
    process.stdout.write(await diffStack(stack, projectDirectory));
  });

try {
  await program.parseAsync();
} catch (error) {
  // What a person can mend is said without a stack trace.
  const known =
    error instanceof ConfigError ||
    (error instanceof Error && error.name.endsWith("Error") && process.env["VEZA_DEBUG"] === undefined);
  console.error(known ? (error as Error).message : error);
  process.exitCode = 1;
}
