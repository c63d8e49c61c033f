import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { changed } from "../../tools/verbs/pulumi.ts";
import { nodes, PostgresStack, type NodeName } from "../lab/support/postgres-stack.ts";

let postgres: PostgresStack;
beforeAll(async () => {
  postgres = await PostgresStack.open();
}, 300_000);
afterAll(() => postgres.close(), 120_000);

const packages = ["postgresql", "pgbouncer"];

async function made(): Promise<readonly (string | undefined)[]> {
  return Promise.all(nodes.map((node) => postgres.stack.incus.createdAt(node)));
}

/** Replaces both nodes in one update while clients write. @returns ms without a commit */
async function replacedBy(image: { packages: string[] }, primary: NodeName): Promise<number> {
  await postgres.untilWell();
  expect(await postgres.primary()).toBe(primary);
  const [before, timeline] = [await made(), (await postgres.details(primary))?.timeline];
  const load = await postgres.load();
  await postgres.configure({ image });
  const silence = await postgres.silenceWhile(load, () => postgres.stack.up());
  await load.stop();

  const after = await made();
  expect(after.map((at, n) => at !== undefined && at !== before[n])).toEqual([true, true]);
  expect(await load.lost()).toEqual([]);
  expect(load.takenByTwoNodes()).toEqual([]);
  await postgres.untilWell();
  expect(await postgres.primary()).toBe(primary);
  expect((await postgres.details(primary))?.timeline).toBe(timeline);
  expect(changed((await postgres.stack.up()).changes)).toBe(0);
  return silence;
}

it("a new image replaces both nodes one after the other, and each comes back as what it was, with its data", async () => {
  const first = await replacedBy({ packages: [...packages, "less"] }, "postgres-1");
  await postgres.flip();
  const second = await replacedBy({ packages: [...packages, "nano"] }, "postgres-2");
  console.log(`${first.toFixed(0)} and ${second.toFixed(0)} ms without a commit`);
  expect(Math.max(first, second)).toBeLessThan(120_000);
}, 600_000);
