import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { runFailoverDrill, type FailoverOptions } from "../../src/ops/drill/failover.ts";
import { drillTables } from "../../src/ops/drill/table.ts";
import type { DrillInstance, DrillTarget } from "../../src/ops/drill/target.ts";

// The order of the steps and the way back, against an edge that is a few lines long. What HAProxy and Incus really
// do across a kill is shown by the drill on the lab stack, not here.
let edge: Server;
let target: DrillTarget;
let running: Set<string>;
let done: string[];

const instances: DrillInstance[] = ["one", "two"].map((name) => ({ name, pool: "api_pool", server: name }));
const quick: FailoverOptions = {
  perSecond: 50,
  webSockets: 0,
  warmUpSeconds: 0.2,
  outageSeconds: 0.2,
  recoverySeconds: 0.2,
  limits: { minRequests: 20, upSeconds: 2 },
};

beforeEach(async () => {
  running = new Set(["one", "two"]);
  done = [];
  let turn = 0;
  edge = createServer((request, response) => {
    if (request.url === "/stats;csv") {
      const rows = instances.map(({ name }) => `api_pool,${name},${running.has(name) ? "UP" : "DOWN"},0,2,`);
      response.end(["# pxname,svname,status,scur,type,", ...rows, "api_pool,BACKEND,UP,0,1,", ""].join("\n"));
      return;
    }
    const [instance = ""] = [...running].slice((turn += 1) % running.size);
    response.writeHead(200, { "X-Instance": instance }).end();
  });
  await new Promise<void>((resolve) => edge.listen(0, "127.0.0.1", resolve));
  const baseUrl = `http://127.0.0.1:${(edge.address() as AddressInfo).port}`;
  target = {
    baseUrl,
    statsUrl: `${baseUrl}/stats;csv`,
    instances,
    killHard: async ({ name }) => {
      done.push(`kill ${name}`);
      running.delete(name);
    },
    start: async ({ name }) => {
      done.push(`start ${name}`);
      running.add(name);
    },
  };
});

afterEach(() => {
  edge.closeAllConnections();
  edge.close();
});

function run(changes: Partial<DrillTarget> = {}, options: FailoverOptions = {}) {
  const lines: string[] = [];
  const report = runFailoverDrill(
    { ...target, ...changes },
    { ...quick, ...options },
    { line: (text) => lines.push(text) },
  );
  return { report, lines };
}

describe("the failover drill", () => {
  it("kills, waits for DOWN, starts again, waits for traffic, and reports all of it", async () => {
    const { report, lines } = run();
    const { kept, promises, instance, load, timeline } = await report;
    expect(done).toEqual(["kill one", "start one"]);
    expect(promises.filter((promise) => !promise.kept)).toEqual([]);
    expect([kept, instance.name]).toEqual([true, "one"]);
    expect(load.http.map(({ name }) => name)).toEqual(["pinned", "unpinned", "in flight"]);
    expect(timeline).toHaveLength(lines.length);
    const steps = timeline.map(({ event }) => event.slice(0, 1)).filter((first) => /\d/.test(first));
    expect(steps).toEqual(["0", "1", "2", "3", "4", "5"]);
    expect(drillTables(await report)).toContain("Every promise was kept");
  });

  it("reports a broken promise, with the instance put back", async () => {
    const { report } = run({}, { limits: { ...quick.limits, minRequests: 20, p99Ms: 0 } });
    const { kept, promises } = await report;
    expect(kept).toBe(false);
    expect(promises.filter((promise) => !promise.kept).map(({ promise }) => promise)).toEqual([
      "p99 below 0 ms in every group",
    ]);
    expect(running.has("one")).toBe(true);
    expect(drillTables(await report)).toContain("1 of 6 promises broken");
  });

  it("kills the instance it is asked to", async () => {
    await run({}, { instance: "two" }).report;
    expect(done).toEqual(["kill two", "start two"]);
  });
});

describe("the failover drill touches nothing", () => {
  it("when a server is down already", async () => {
    running.delete("two");
    await expect(run().report).rejects.toThrow(
      "a drill needs every server of api_pool UP, but now: one UP, two DOWN\nNothing was stopped.",
    );
    expect(done).toEqual([]);
  });

  it("when the statistics do not answer", async () => {
    await expect(run({ statsUrl: "http://127.0.0.1:9/stats;csv" }).report).rejects.toThrow(
      "HAProxy's statistics at http://127.0.0.1:9/stats;csv do not answer",
    );
    expect(done).toEqual([]);
  });

  it("when there is no such instance", async () => {
    await expect(run({}, { instance: "three" }).report).rejects.toThrow(
      "there is no instance three; this stack has: one, two",
    );
    expect(done).toEqual([]);
  });

  it("when it is interrupted before the kill", async () => {
    const { report } = run({}, { warmUpSeconds: 10, signal: AbortSignal.timeout(300) });
    await expect(report).rejects.toThrow("the drill was interrupted\nNothing was stopped.");
    expect(done).toEqual([]);
  });
});

describe("the failover drill puts the instance back", () => {
  it("when it is interrupted during the outage", async () => {
    const { report } = run({}, { outageSeconds: 10, signal: AbortSignal.timeout(1_000) });
    await expect(report).rejects.toThrow(
      "the drill was interrupted\none was started again and answers requests.",
    );
    expect(done).toEqual(["kill one", "start one"]);
  });

  it("on Ctrl-C", async () => {
    const { report, lines } = run({}, { outageSeconds: 10 });
    setTimeout(() => process.emit("SIGINT", "SIGINT"), 1_000);
    await expect(report).rejects.toThrow("one was started again and answers requests.");
    expect(lines.join("\n")).toContain("SIGINT: ending the drill, putting one back first");
    expect(process.listenerCount("SIGINT")).toBe(0);
  });

  it("when the kill failed half-way", async () => {
    const killHard: DrillTarget["killHard"] = async (instance) => {
      await target.killHard(instance);
      throw new Error("incus stop: time-out");
    };
    await expect(run({ killHard }).report).rejects.toThrow(
      "incus stop: time-out\none was started again and answers requests.",
    );
    expect(running.has("one")).toBe(true);
  });

  it("when starting it fails twice", async () => {
    let attempts = 0;
    const start: DrillTarget["start"] = async (instance) => {
      attempts += 1;
      if (attempts < 3) throw new Error("no answer from incus");
      await target.start(instance);
    };
    await run({ start }).report.catch(() => undefined);
    expect(running.has("one")).toBe(true);
  });

  it("or says loudly that it could not", async () => {
    const start: DrillTarget["start"] = () => Promise.reject(new Error("no answer from incus"));
    await expect(run({ start }).report).rejects.toThrow(
      "one IS STILL STOPPED: starting it failed 3 times, the last time with: no answer from incus",
    );
  }, 15_000);
});
