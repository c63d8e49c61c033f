import { createServer, type Server } from "node:net";
import { afterEach, describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { poolGib } from "../../tools/machine/incus.ts";
import { stateOf } from "../../tools/machine/machine.ts";
import { runScript } from "../../tools/machine/script.ts";
import { plainProgress } from "../../tools/progress.ts";
import { changed, changesIn, inWords, WorkInHand } from "../../tools/verbs/pulumi.ts";

let server: Server | undefined;
afterEach(() => {
  server?.close();
});

describe("a listener of this machine", () => {
  it("is taken while somebody listens there, and free afterwards", async () => {
    const listening = createServer();
    server = listening;
    await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
    const address = listening.address();
    const port = typeof address === "object" ? (address?.port ?? 0) : 0;
    expect(await stateOf({ address: "127.0.0.1", port })).toBe("taken");
    await new Promise((resolve) => listening.close(resolve));
    expect(await stateOf({ address: "127.0.0.1", port })).toBe("free");
  });

  it("is told apart from an address that this machine does not have", async () => {
    expect(await stateOf({ address: "203.0.113.1", port: 80 })).toBe("no such address");
  });
});

describe("a script of set-up", () => {
  it("is stopped at its limit with all that it started, and says how far it came", async () => {
    const mark = `veza-test-${String(process.pid)}`;
    const script = { name: "../../test/tools/machine/slow.sh", parameters: { MARK: mark }, limitSeconds: 1 };
    await expect(runScript(script)).rejects.toThrow(/stopped after its limit of 1 s\n {2}begun/);
    const left = await execa("pgrep", ["-f", mark], { reject: false });
    expect(left.stdout).toBe("");
  });

  it("fails when a parameter is missing, before it does anything", async () => {
    const run = runScript({ name: "start-incus.sh", parameters: {}, limitSeconds: 5 });
    await expect(run).rejects.toThrow("LIMIT");
  });
});

describe("progress without a terminal", () => {
  it("is one line per step, with its last note and its duration", async () => {
    const lines: string[] = [];
    const progress = plainProgress((line) => lines.push(line));
    const value = await progress.step("Incus", async (note) => {
      note("installing");
      note("ready");
      return 5;
    });
    expect(value).toBe(5);
    expect(lines).toEqual([expect.stringMatching(/^✓ Incus: ready {2}\d+\.\d s$/)]);
  });

  it("marks a failed step and passes its error on", async () => {
    const lines: string[] = [];
    const step = plainProgress((line) => lines.push(line)).step("Incus", () =>
      Promise.reject(new Error("no")),
    );
    await expect(step).rejects.toThrow("no");
    expect(lines).toEqual([expect.stringMatching(/^✗ Incus/)]);
  });
});

describe("work in hand", () => {
  it("is what has begun and not ended", () => {
    const work = new WorkInHand();
    const lines = [
      "Updating (lab):",
      " +  veza:incus:Image main-image-app creating (0s) ",
      " +  command:local:Command main-image-app-build creating (0s) ",
      " +  command:local:Command main-image-haproxy-build creating (0s) ",
      " +  command:local:Command main-image-app-build creating (15s) I: installing",
      " +  command:local:Command main-image-haproxy-build created (31s) ",
    ];
    expect(lines.map((line) => work.read(line))).toEqual([false, false, true, true, true, true]);
    expect(work.inWords()).toBe("1 done, now main-image-app-build");
    work.read("@ updating....");
    work.read(" +  command:local:Command main-image-app-build created (40s) ");
    expect(work.inWords()).toBe("2 done");
  });
});

describe("the engine's log of events", () => {
  const log = [
    { sequence: 1, preludeEvent: {} },
    { sequence: 9, summaryEvent: { resourceChanges: { create: 2, same: 40, replace: 1 } } },
  ];
  const text = log.map((event) => `${JSON.stringify(event)}\n`).join("");

  it("says what changed", () => {
    const changes = changesIn(text);
    expect(changed(changes)).toBe(3);
    expect(inWords(changes)).toBe("2 created, 40 unchanged, 1 replaced");
  });

  it("counts nothing as changed where everything stayed", () => {
    expect(changed({ same: 43 })).toBe(0);
  });
});

it("makes the storage pool no larger than half of what is free", () => {
  const gib = 2 ** 30;
  expect([200 * gib, 10 * gib, gib].map(poolGib)).toEqual([12, 5, 2]);
});
