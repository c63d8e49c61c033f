import { execa } from "execa";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { format, resolveConfig } from "prettier";
import packageJson from "../package.json" with { type: "json" };

/** What was measured on: numbers of two machines are not compared, ratios are. */
export interface Machine {
  readonly measured: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly incus: string;
  readonly node: string;
  readonly pulumi: string;
}

export async function machine(): Promise<Machine> {
  const incus = await execa("incus", ["version"], { stdin: "ignore", timeout: 30_000 });
  return {
    measured: new Date().toISOString(),
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    incus: /Server version: (\S+)/.exec(incus.stdout)?.[1] ?? "unknown",
    node: process.version,
    pulumi: packageJson.dependencies["@pulumi/pulumi"],
  };
}

/** Processes that want to run, over the last minute: more than there are cores, and everything takes longer. */
export function load(): number {
  return Number(loadavg()[0]?.toFixed(1));
}

/**
 * Markdown of where and when something was measured.
 * @param programs that took part, with their versions
 * @param samples whose loads of the machine are told
 */
export function conditions(
  { measured, cores, cpu, memoryGiB, kernel, incus }: Machine,
  programs: readonly string[],
  samples: readonly { readonly load: number }[],
): string {
  const loads = samples.map(({ load }) => load);
  const what = [
    `${String(cores)} cores (${cpu})`,
    `${String(memoryGiB)} GiB`,
    `Linux ${kernel}`,
    `Incus ${incus}`,
  ];
  const span = `${String(Math.min(...loads))} to ${String(Math.max(...loads))}`;
  return `${measured.slice(0, 10)}: ${[...what, ...programs].join(", ")}; load of the machine ${span}.\n`;
}

/** @throws RangeError for no values */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]];
  if (low === undefined || high === undefined) throw new RangeError("there is no median of nothing");
  return (low + high) / 2;
}

/** Markdown of a table; its cells are strings without `|`. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;
  return line(head) + line(head.map(() => "---")) + rows.map(line).join("");
}

/** Writes `bench/results/<name>.json`, and into docs/performance.md what is between this comparison's two marks. */
export async function publish(name: string, result: object, section: string): Promise<void> {
  const results = new URL("results/", import.meta.url);
  await mkdir(results, { recursive: true });
  const json = fileURLToPath(new URL(`${name}.json`, results));
  await writeFile(json, await pretty(json, JSON.stringify(result)));
  const page = fileURLToPath(new URL("../docs/performance.md", import.meta.url));
  const text = await readFile(page, "utf8");
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const [before, after] = [text.indexOf(begin), text.indexOf(end)];
  if (before < 0 || after < 0) throw new Error(`${page} lacks the marks ${begin} and ${end}`);
  const written = `${text.slice(0, before + begin.length)}\n\n${section}\n${text.slice(after)}`;
  await writeFile(page, await pretty(page, written));
}

async function pretty(file: string, text: string): Promise<string> {
  return format(text, { ...(await resolveConfig(file)), filepath: file });
}
