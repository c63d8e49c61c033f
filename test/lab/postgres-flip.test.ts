import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { judge } from "../../src/ops/postgres/judge.ts";
import { FlipLab } from "./postgres-flip-lab.ts";

let lab: FlipLab;

beforeAll(async () => {
  lab = await FlipLab.open();
}, 400_000);

afterAll(async () => {
  await lab.close();
}, 60_000);

describe("flip-db", () => {
  it("says what it would do, and does nothing, when it is only asked", async () => {
    const before = await lab.look();
    const { lines, end } = await lab.flip({ dryRun: true });
    expect(end.kind).toBe("declined");
    expect(lines[0]).toMatch(/^Flip from pgf-test-1 to pgf-test-2:$/);
    expect(judge(await lab.look())).toEqual(judge(before));
  });

  it("moves the primary back and forth under load, and loses no acknowledged commit", async () => {
    const load = await lab.startLoad(3);
    const silences: number[] = [];
    for (let n = 0; n < 3; n++) silences.push((await lab.flipUnderLoad(load)).silence);
    await load.stop();
    expect(await lab.lost(load)).toEqual([]);
    expect(load.takenByTwoNodes()).toEqual([]);
    expect(Math.max(...silences)).toBeLessThan(2_000);
    expect(judge(await lab.look()).verdict).toBe("well");
  }, 120_000);

  it.each([
    ["stop", "taken back"],
    ["promote", "finished"],
  ])(
    "is told and ended by the next run when it was killed after the step '%s'",
    async (step, kind) => {
      const load = await lab.startLoad(1);
      await lab.killFlipAfter(step);
      expect(judge(await lab.look()).problems[0]).toMatch(/^a flip from .* was cut off/);
      const { end } = await lab.flip();
      expect(end.kind).toBe(kind);
      await load.stop();
      expect(await lab.lost(load)).toEqual([]);
      expect(judge(await lab.look())).toMatchObject({ verdict: "well", primary: end.primary });
    },
    120_000,
  );

  it("keeps a second operator out while one is at work", async () => {
    const first = lab.flip();
    const second = await lab.flip().then(
      () => "went through",
      (error: unknown) => String(error),
    );
    await first;
    // Whoever waits sees a flip that has ended, or is refused.
    expect(second).toMatch(/somebody else is at work on this Postgres: flip-db by|went through/);
    expect(judge(await lab.look()).verdict).toBe("well");
  }, 120_000);
});
