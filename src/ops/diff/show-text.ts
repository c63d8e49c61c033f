import pc from "picocolors";
import type { StackDiff } from "./diff.ts";
import type { ContainerDifference, FileDifference, ScriptDifference } from "./difference.ts";
import { about, checkLine, comparedWith, counts, ofProject } from "./words.ts";

/** For a terminal, or for `less -R`: what happens, then every line. Ends with a newline. */
export function showText(diffs: readonly StackDiff[]): string {
  return diffs.map(ofStack).join("\n");
}

function ofStack(diff: StackDiff): string {
  const { stack, against, containers, hosts, scripts, notes, checks } = diff;
  return [
    pc.bold(`Stack ${stack}${ofProject(diff)}, ${comparedWith(against)}`),
    ...consequences(hosts),
    "",
    ...containers.flatMap(ofContainer),
    ...scripts.flatMap(ofScript),
    counts(diff),
    ...checks.map(checkLine),
    ...checks.flatMap(({ problems }) =>
      problems.map(({ container, path, line, message }) =>
        pc.red(
          `${container}:${path}${line === undefined ? "" : `:${String(line)}`}: ${message.replaceAll("\n", "\n    ")}`,
        ),
      ),
    ),
    ...notes,
    "",
  ].join("\n");
}

function consequences(all: ContainerDifference["consequences"]): string[] {
  return all.map(({ says, careful }) => (careful ? pc.yellow(`  ! ${says}`) : `  • ${says}`));
}

function ofContainer(difference: ContainerDifference): string[] {
  const { container, operation } = difference;
  return [
    pc.bold(`${container}: ${operation}`),
    ...consequences(difference.consequences),
    ...difference.files.flatMap((file) => ofFile(container, file)),
    "",
  ];
}

function ofFile(container: string, file: FileDifference): string[] {
  const name = `${container}${file.path.startsWith("/") ? "" : " "}${file.path}`;
  const more = about(file);
  return [
    pc.bold(`--- ${file.operation === "added" ? "/dev/null" : name}`),
    pc.bold(`+++ ${file.operation === "removed" ? "/dev/null" : name}${more === "" ? "" : `\t${more}`}`),
    ...lines(file.patch),
  ];
}

function ofScript({ applies, patch }: ScriptDifference): string[] {
  return [pc.bold(`Another script applies ${applies.join(", ")}`), ...lines(patch), ""];
}

function lines(patch: string | undefined): string[] {
  return patch === undefined || patch === "" ? [] : patch.split("\n").map(coloured);
}

function coloured(line: string): string {
  if (line.startsWith("+")) return pc.green(line);
  if (line.startsWith("-")) return pc.red(line);
  return line.startsWith("@@") ? pc.cyan(line) : line;
}
