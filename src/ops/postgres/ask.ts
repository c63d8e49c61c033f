import { createInterface } from "node:readline/promises";
import { StackError } from "../stack.ts";

/**
 * Asks the person at the terminal; only `y` or `yes` is a yes.
 * @throws StackError where there is no terminal to ask at
 */
export async function ask(question: string): Promise<boolean> {
  return ["y", "yes"].includes((await askFor(`${question} [y/N]`)).toLowerCase());
}

/** Asks for a line. @throws StackError where there is no terminal to ask at */
export async function askFor(question: string): Promise<string> {
  if (!process.stdin.isTTY)
    throw new StackError("nothing was changed: there is no terminal to ask at, and --yes was not given");
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return (await terminal.question(`${question} `)).trim();
  } finally {
    terminal.close();
  }
}
