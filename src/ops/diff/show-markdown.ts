import {
  isDifferent,
  type ContainerDifference,
  type FileDifference,
  type ScriptDifference,
} from "./difference.ts";
import type { StackDiff } from "./diff.ts";
import { about, aboutSecrets, checkLine, comparedWith, counts, ofProject } from "./words.ts";

/** A file's lines in what is shown; the longest are left out first where there is no room. */
interface Patch {
  readonly text: string;
  readonly left: string;
}

type Part = string | Patch;

/**
 * For a comment on a pull request. Ends with a newline.
 * @param limit characters; lines of files are left out until it fits, the longest first, and then what is left is cut
 */
export function showMarkdown(diffs: readonly StackDiff[], limit = Number.POSITIVE_INFINITY): string {
  const parts: Part[] = diffs.length === 0 ? ["No stack has a file here.\n"] : diffs.flatMap(ofStack);
  const shown = fit(parts, limit);
  return shown.length <= limit ? shown : cut(shown, limit);
}

const tooLong =
  "\n\n… and more than a comment can hold: the whole preview is attached to the run that made this.\n";

function fit(parts: readonly Part[], limit: number): string {
  const render = (left: ReadonlySet<Part>): string =>
    `${parts.map((part) => (typeof part === "string" ? part : left.has(part) ? part.left : part.text)).join("\n")}\n`;
  const left = new Set<Part>();
  const patches = parts
    .filter((part) => typeof part !== "string")
    .sort((a, b) => b.text.length - a.text.length);
  let size = render(left).length;
  for (const patch of patches) {
    if (size <= limit) break;
    left.add(patch);
    size += patch.left.length - patch.text.length;
  }
  return render(left);
}

/** At the end of a line outside of any block, so that what follows is read as it is meant. */
function cut(text: string, limit: number): string {
  const kept: string[] = [];
  let length = tooLong.length;
  let whole = 0;
  for (const line of text.split("\n")) {
    length += line.length + 1;
    if (length > limit) break;
    kept.push(line);
    if (line === "" && isClosed(kept)) whole = kept.length;
  }
  return kept.slice(0, whole).join("\n") + tooLong;
}

function isClosed(lines: readonly string[]): boolean {
  const count = (pattern: RegExp): number => lines.filter((line) => pattern.test(line)).length;
  return count(/^<details>/) === count(/^<\/details>/);
}

function ofStack(diff: StackDiff): Part[] {
  const { project, stack, against, containers, hosts, scripts, notes, checks } = diff;
  const parts: Part[] = [`### Stack \`${stack}\`${ofProject(diff, `\`${project}\``)}`, ""];
  const problems = checks.flatMap((check) =>
    check.problems.map((problem) => ({ ...problem, by: check.name })),
  );
  if (problems.length > 0) {
    parts.push("**This would be refused:**", "");
    for (const { container, path, line, message, by } of problems) {
      const place = `${container}:${path}${line === undefined ? "" : `:${String(line)}`}`;
      parts.push(`- ${by}: \`${place}\``, indented(fenced("", message)), "");
    }
  }
  if (!isDifferent(diff))
    return [...parts, `Nothing changes (${counts(diff)}; ${comparedWith(against)}).`, ...footer(diff)];
  parts.push(`${counts(diff)}; ${comparedWith(against)}.`, "");
  const seen = new Map<string, string>();
  for (const one of containers) {
    parts.push(`**${one.container}** ${one.operation === "updated" ? "" : one.operation}`.trim(), "");
    parts.push(...bullets(one.consequences), "");
  }
  if (hosts.length > 0) parts.push("**Besides**", "", ...bullets(hosts), "");
  for (const one of containers)
    for (const file of one.files.filter(({ operation }) => operation === "changed"))
      parts.push(ofFile(one, file, seen), "");
  for (const one of containers) parts.push(...ofOthers(one));
  for (const script of scripts) parts.push(ofScript(script), "");
  return [...parts, ...footer(diff)];

  function footer({ against: other }: StackDiff): Part[] {
    const lines = [...checks.map(checkLine), ...notes, aboutSecrets(other)];
    return ["", ...lines.map((line) => `<sub>${escaped(line)}</sub><br>`), ""];
  }
}

function bullets(all: ContainerDifference["consequences"]): string[] {
  return all.map(({ says, careful }) => (careful ? `- ⚠️ **${escaped(says)}**` : `- ${escaped(says)}`));
}

/** Lines that are the same as another container's are shown once. */
function ofFile(of: ContainerDifference, file: FileDifference, seen: Map<string, string>): Part {
  const { patch = "", path } = file;
  const heading = titleOf(of, file);
  if (patch === "") return `${heading}<br>`;
  const same = `${path}\n${patch.replaceAll(of.container, "(container)")}`;
  const first = seen.get(same);
  if (first !== undefined) return `${heading}: as in ${first}<br>`;
  seen.set(same, of.container);
  return { text: details(heading, fenced("diff", patch), true), left: leftOut(heading) };
}

/** What is new or goes is long, and seldom what a review is about: a container's files together, and closed. */
function ofOthers(of: ContainerDifference): Part[] {
  const files = of.files.filter(({ operation }) => operation !== "changed");
  if (files.length === 0) return [];
  const count = (operation: FileDifference["operation"], words: string): string[] => {
    const { length } = files.filter((file) => file.operation === operation);
    return length === 0 ? [] : [`${String(length)} ${length === 1 ? "file" : "files"} ${words}`];
  };
  const heading = `<code>${of.container}</code> ${[...count("added", "more"), ...count("removed", "less")].join(", ")}`;
  const blocks = files.map((file) => {
    const { patch = "" } = file;
    return `${titleOf(of, file)}\n\n${patch === "" ? "" : `${fenced("diff", patch)}\n`}`;
  });
  return [{ text: details(heading, blocks.join("\n"), false), left: leftOut(heading) }, ""];
}

function titleOf({ container }: ContainerDifference, file: FileDifference): string {
  const { path, patch, linesAdded, linesRemoved } = file;
  const more = about(file);
  const size = patch === undefined ? "" : ` +${String(linesAdded)} −${String(linesRemoved)}`;
  return `<code>${container}${path.startsWith("/") ? "" : " "}${path}</code>${size}${more === "" ? "" : ` ${escaped(more)}`}`;
}

function leftOut(heading: string): string {
  return `${heading}: left out here, whole in the attached preview<br>`;
}

function ofScript({ applies, patch, linesAdded, linesRemoved }: ScriptDifference): Part {
  const [first = "", ...more] = applies;
  const others = more.length === 0 ? "" : ` and ${String(more.length)} more`;
  const heading = `Another script applies ${first}${others} +${String(linesAdded)} −${String(linesRemoved)}`;
  return { text: details(heading, fenced("diff", patch), false), left: leftOut(heading) };
}

function details(heading: string, content: string, open: boolean): string {
  return `<details${open ? " open" : ""}><summary>${heading}</summary>\n\n${content}\n\n</details>`;
}

/** A block, with a fence that is longer than any in the text. */
export function fenced(language: string, text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}`;
}

function indented(text: string): string {
  return text
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n");
}

/** Text from a config, as itself. */
function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replace(/([*_`[\]|@#])/g, "\\$1");
}
