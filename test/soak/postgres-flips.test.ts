import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { judge } from "../../src/ops/postgres/judge.ts";
import { FlipLab } from "../lab/postgres-flip-lab.ts";

const flips = 20;

let lab: FlipLab;

beforeAll(async () => {
  lab = await FlipLab.open();
}, 400_000);

afterAll(async () => {
  await lab.close();
}, 60_000);

describe("flip-db, back and forth", () => {
  it("keeps clients waiting for a second in the median and two at most, and loses nothing", async () => {
    const load = await lab.startLoad(4);
    const silences: number[] = [];
    const report: string[] = [];
    for (let n = 0; n < flips; n++) {
      const { silence, steps } = await lab.flipUnderLoad(load);
      silences.push(silence);
      const times = steps.map(({ name, seconds }) => `${name} ${seconds.toFixed(2)}`);
      report.push(`${silence.toFixed(0)} ms without a commit: ${times.join(", ")}`);
    }
    await load.stop();
    const sorted = [...silences].sort((a, b) => a - b);
    const median = sorted[Math.floor(flips / 2)] ?? Infinity;
    report.push(`median ${median.toFixed(0)} ms, ${String(load.acknowledged().length)} commits`);
    console.log(report.join("\n"));
    expect(await lab.lost(load)).toEqual([]);
    expect(load.takenByTwoNodes()).toEqual([]);
    expect(judge(await lab.look()).verdict).toBe("well");
    expect(median).toBeLessThanOrEqual(1_000);
    expect(sorted.at(-1)).toBeLessThanOrEqual(2_000);
  }, 900_000);

  it.each([
    ["checkpoint", "taken back"],
    ["close", "taken back"],
    ["stop", "taken back"],
    ["promote", "finished"],
    ["open", "finished"],
    ["rejoin", "finished"],
    ["ready", "finished"],
  ])(
    "is told and ended by the next run when it was killed after the step '%s'",
    async (step, kind) => {
      const load = await lab.startLoad(2);
      await lab.killFlipAfter(step);
      const told = judge(await lab.look());
      expect(told.problems[0]).toMatch(/^a flip from .* was cut off/);
      const { end } = await lab.flip();
      expect(end.kind).toBe(kind);
      await load.stop();
      expect(await lab.lost(load)).toEqual([]);
      expect(load.takenByTwoNodes()).toEqual([]);
      expect(judge(await lab.look())).toMatchObject({ verdict: "well", primary: end.primary });
    },
    180_000,
  );
});
