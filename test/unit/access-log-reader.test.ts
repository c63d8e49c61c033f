import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { execa } from "execa";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as delay } from "node:timers/promises";

const program = fileURLToPath(new URL("../../templates/usr/local/lib/veza/access-log.pl", import.meta.url));
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "veza-access-log-"));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const reader = (file: string, older: number, bytes: number) =>
  execa("perl", [program, file, String(older), String(bytes)], { reject: false, timeout: 20_000 });
const lines = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, n) => `line ${String(from + n)}\n`).join("");

it("fills files to the line that reaches the limit, keeps as many as it is told, and loses none of their lines", async () => {
  const file = join(directory, "turned");
  for (const [from, to] of [[0, 40], [40, 100]] as const) {
    const run = reader(file, 3, 200);
    run.stdin.end(lines(from, to));
    expect(await run).toMatchObject({ exitCode: 0, stderr: "" });
  } // prettier-ignore
  const kept = [".3", ".2", ".1", ""].map((ending) => readFileSync(file + ending, "utf8"));
  expect(existsSync(`${file}.4`)).toBe(false);
  for (const text of kept.slice(0, 3)) {
    expect(text.length).toBeGreaterThanOrEqual(200);
    expect(text.length - text.lastIndexOf("line ")).toBeLessThan(200);
  }
  const all = kept.join("");
  expect(all.endsWith(lines(60, 100))).toBe(true);
  expect(lines(0, 100).endsWith(all)).toBe(true);
});

it("ends when it is asked to, with all that had come", async () => {
  const file = join(directory, "ended");
  const run = reader(file, 3, 1_000_000);
  run.stdin.write(lines(0, 1));
  // While it rests, which it begins to do then.
  while (!existsSync(file) || readFileSync(file).length === 0) await delay(1);
  run.stdin.write(lines(1, 1_000));
  run.kill();
  expect(await run).toMatchObject({ exitCode: 0, stderr: "" });
  expect(readFileSync(file, "utf8")).toBe(lines(0, 1_000));
});

it("says once that the disk is full, and keeps trying", async () => {
  const run = reader("/dev/full", 3, 1_000_000);
  run.stdin.write(lines(0, 1));
  let said = "";
  run.stderr.on("data", (part: Buffer) => (said += part.toString()));
  while (said === "") await delay(10);
  await delay(1_500);
  run.kill();
  expect((await run).exitCode).toBe(1);
  expect(said).toBe("/dev/full cannot be written, which is tried every second: No space left on device\n");
});
