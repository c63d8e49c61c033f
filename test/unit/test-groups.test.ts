import { describe, expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { groupsOf, sideBySide, testFiles } from "../../tools/verbs/test/groups.ts";

describe("tests on real Incus, several groups at a time", () => {
  it("are in one group when their names begin with the same word, but for stacks; long groups come first", () => {
    const files = ["edge-a.test.ts", "edge-b.test.ts", "fleet-a.test.ts", "fleet-b.test.ts"];
    expect(groupsOf(files)).toEqual([
      { name: "fleet", files: ["fleet-a.test.ts", "fleet-b.test.ts"] },
      { name: "edge-a", files: ["edge-a.test.ts"] },
      { name: "edge-b", files: ["edge-b.test.ts"] },
    ]);
  });

  it("are in one group when they use the same machine, project, bridge or address", async () => {
    const users = new Map<string, Set<string>>();
    for (const { name, files } of groupsOf(await testFiles("lab", [])))
      for (const file of files)
        for (const shared of sharedBy(file)) users.set(shared, (users.get(shared) ?? new Set()).add(name));
    expect(users.size).toBeGreaterThan(5);
    expect([...users].filter(([, groups]) => groups.size > 1)).toEqual([]);
  });
});

/** What of which there is one a file of tests names, itself or in the module that keeps its containers. */
function sharedBy(name: string): readonly string[] {
  const file = new URL(`../lab/${name}`, import.meta.url);
  const text = readFileSync(file, "utf8");
  const keepers = text.match(/(?<=from ")\.\/.*(machine|-lab)\.ts(?=")/g) ?? [];
  const texts = [text, ...keepers.map((keeper) => readFileSync(new URL(keeper, file), "utf8"))];
  const named =
    texts.join("").match(/veza-test-[a-z-]+|vezat\d|10\.77\.0\.(?!1\b)\d+|10\.8\d\.0\.\d+/g) ?? [];
  return [...keepers.map((keeper) => basename(keeper)), ...named];
}

describe("works side by side", () => {
  it("are never more than that many, one to a lane, and begin and give their results in order", async () => {
    const begun: number[] = [];
    let running = 0;
    let most = 0;
    const lanes: number[] = [];
    const results = await sideBySide(2, [30, 5, 5, 5], async (milliseconds, lane) => {
      begun.push(milliseconds);
      lanes.push(lane);
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      running--;
      return `${String(milliseconds)} ms`;
    });
    expect(results).toEqual(["30 ms", "5 ms", "5 ms", "5 ms"]);
    expect([begun, most]).toEqual([[30, 5, 5, 5], 2]);
    expect(lanes).toEqual([1, 2, 2, 2]);
  });

  it("end with the first failure", async () => {
    await expect(sideBySide(1, [1, 2], () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  });
});
