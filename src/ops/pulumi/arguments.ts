/** What a call of the CLI is about, as far as it has to be known before the CLI runs. */
export interface PulumiCall {
  /** The command, e.g. `up` or `stack`; empty when there is none. */
  readonly command: string;
  /** The word after it, e.g. `init` of `stack init`; empty when there is none. */
  readonly subcommand: string;
  /** The stack that the arguments name; undefined when they leave it to the selected one. */
  readonly stack: string | undefined;
  /** The folder that `-C`/`--cwd` names. */
  readonly cwd: string | undefined;
  /** Nothing but a text will be printed. */
  readonly help: boolean;
  /** `up --preview-only`. */
  readonly previewOnly: boolean;
  /** Debug messages are wanted: `--debug`, `-v 9`. */
  readonly debug: boolean;
}

const asksForDebug = /^(-d|--debug|--debug=true|-v.*|--verbose(=.*)?)$/;

/** Flags that may stand before the command and whose value is a word of its own. */
const valued = ["-C", "--cwd", "-s", "--stack", "--color", "--tracing", "--profiling", "-v", "--verbose",
  "--memprofilerate", "--otel-traces", "--config-file"]; // prettier-ignore

/** `stack` subcommands whose own argument is a stack. */
const namesStack = new Set(["init", "select", "rm"]);

export function readCall(args: readonly string[]): PulumiCall {
  const words: string[] = [];
  let debug = false;
  const values = new Map<string, string>();
  const flags = new Set<string>();
  for (let i = 0; i < args.length; i++) {
    const word = args[i] ?? "";
    if (word === "--") break;
    debug ||= asksForDebug.test(word);
    const [flag, inline] = splitFlag(word);
    if (!word.startsWith("-") || word === "-") words.push(word);
    else if (inline !== undefined) values.set(flag, inline);
    else if (valued.includes(word)) values.set(word, args[++i] ?? "");
    else flags.add(word);
  }
  const [command = "", subcommand = "", argument] = words;
  const positional = command === "stack" && namesStack.has(subcommand) ? argument : undefined;
  return {
    command,
    subcommand,
    stack: bareName(values.get("-s") ?? values.get("--stack") ?? positional),
    cwd: values.get("-C") ?? values.get("--cwd"),
    help: flags.has("--help") || flags.has("-h") || command === "help",
    previewOnly: flags.has("--preview-only"),
    debug,
  };
}

/** `--stack=lab` and `-slab` as flag and value; other words as they are. */
function splitFlag(word: string): [string, string | undefined] {
  const long = /^(--[^=]+)=(.*)$/s.exec(word);
  if (long) return [long[1] ?? "", long[2]];
  const short = /^(-[sC])=?(.+)$/s.exec(word);
  return short ? [short[1] ?? "", short[2]] : [word, undefined];
}

/** `organization/project/lab` is the stack `lab`. */
export function bareName(stack: string | undefined): string | undefined {
  return stack === undefined || stack === "" ? undefined : stack.split("/").at(-1);
}
