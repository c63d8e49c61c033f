import type { Command } from "commander";
import { readdirSync } from "node:fs";
import { assignments } from "../../shell/quote.ts";
import { readScript } from "../../shell/read-script.ts";
import { projectDirectory } from "../stack.ts";

/**
 * The script that has a shell complete this program, made from its verbs.
 * @param stacks what `--stack` is completed with. @default those that have a file in this checkout
 */
export function completionScript(
  program: Command,
  shell: "bash" | "zsh" | "fish",
  stacks: readonly string[] = stackFiles(),
): string {
  // Every word is one of this program, or the name of a file: plain in all three.
  const table = [...wordLines(program, ""), `--stack=${stacks.join(" ")}`, `-s=${stacks.join(" ")}`];
  return shell === "fish"
    ? `set -g __veza_words ${table.map((line) => `'${line}'`).join(" ")}\n${readScript(import.meta.url, "completion.fish")}`
    : `${assignments({ _veza_words: table.join("\n") })}${readScript(import.meta.url, "completion.sh")}`;
}

/** A line for each verb: the words that lead to it, `=`, the words that can follow. */
export function wordLines(verb: Command, path: string): string[] {
  const help = verb.createHelp();
  const verbs = help.visibleCommands(verb).filter((one) => one.name() !== "help");
  const options = help.visibleOptions(verb).flatMap(({ long }) => long ?? []);
  const choices = verb.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);
  const words = [...verbs.map((one) => one.name()), ...choices, ...options];
  return [`${path}=${words.join(" ")}`, ...verbs.flatMap((one) => wordLines(one, `${path} ${one.name()}`))];
}

function stackFiles(): readonly string[] {
  return readdirSync(projectDirectory).flatMap((name) => /^Pulumi\.([\w-]+)\.yaml$/.exec(name)?.[1] ?? []);
}
