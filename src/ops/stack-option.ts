import { Option, type Command } from "commander";

/** The option `--stack` of a verb, whose action finds a name in `stack` in any case (see `chooseStack`). */
export function stackOption(what = "deployed stack"): Option {
  return new Option("-s, --stack <stack>", `${what} (default: the selected one, else lab)`);
}

/**
 * Before the action of a verb that has `--stack` and was called without: the stack is the one that a call of bin/pulumi
 * would be about, and `lab` where none is selected.
 */
export async function chooseStack(called: Command): Promise<void> {
  const takesStack = called.options.some((option) => option.attributeName() === "stack");
  if (!takesStack || called.getOptionValue("stack") !== undefined) return;
  const { chosenStack } = await import("./pulumi/chosen-stack.ts");
  called.setOptionValueWithSource("stack", chosenStack() ?? "lab", "default");
}
