import { Argument, type Command } from "commander";

const shells = ["bash", "zsh", "fish"] as const;
type Shell = (typeof shells)[number];

/** `veza completion` */
export function completionCommand(program: Command): void {
  program
    .command("completion")
    .description("print what has a shell complete verbs, options and stacks with TAB")
    .addArgument(new Argument("<shell>", "of yours").choices(shells))
    .addHelpText(
      "after",
      `
It completes \`veza\`, also when it is called as bin/veza or by any other path.
Examples: source <(bin/veza completion bash)            in ~/.bashrc, with the path of this checkout
          source <(bin/veza completion zsh)             in ~/.zshrc, after compinit
          bin/veza completion fish >~/.config/fish/completions/veza.fish`,
    )
    .action(async (shell: Shell) => {
      const { completionScript } = await import("./completion.ts");
      process.stdout.write(completionScript(program, shell));
    });
}
