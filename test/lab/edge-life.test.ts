import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { closeStack, openStack } from "../../src/ops/maintenance/maintenance.ts";
import { maintenanceSite, type MaintenanceSite } from "../../src/ops/maintenance/site.ts";
import { judge, look } from "../../src/ops/maintenance/state.ts";
import { proveEdge } from "../../src/ops/proof/proof.ts";
import { changed } from "../../tools/verbs/pulumi.ts";
import { edgeAddress, publicUrl, publishedPort, subnet } from "./support/edge-config.ts";
import { emptyProgram, emptyStack } from "./support/empty-program.ts";
import { heard } from "./support/maintenance-talk.ts";
import { runTimed } from "./support/run-timed.ts";
import { LabStack } from "./support/stack.ts";
import { serversOf } from "./support/statistics.ts";
import { until } from "./support/until.ts";

const launcher = fileURLToPath(new URL("../../bin/pulumi", import.meta.url));

let stack: LabStack;
beforeAll(async () => {
  stack = await LabStack.open({ api: [1, 2], stream: [1] });
  await stack.up();
}, 300_000);
afterAll(() => stack.close(), 120_000);

/** Ids of the main processes of backend-api's instances. */
async function pids(...instances: readonly number[]): Promise<readonly string[]> {
  return Promise.all(instances.map((id) => stack.incus.mainPid(`backend-api-${String(id)}`, "backend-api")));
}

/** What a patch adds and removes. */
function lines({ patch = "" }: { readonly patch?: string }): readonly string[] {
  return patch.split("\n").filter((line) => /^[-+]/.test(line));
}

describe("an edge, deployed from nothing", () => {
  it("had its containers made at once, before anything was brought into the last of them", async () => {
    const containers = await stack.incus.containers();
    const made = containers.map(({ createdAt }) => new Date(createdAt).getTime() / 1000);
    const line = "systemctl show --timestamp=unix --value --property ActiveEnterTimestamp backend-api";
    const began = Number((await stack.incus.shell("backend-api-1", line)).replace("@", ""));
    expect(began).toBeGreaterThan(0);
    // Incus says whole seconds, or less.
    for (const at of made) expect(at).toBeLessThanOrEqual(began + 1);
  }, 60_000);

  it("answers, keeps clients on their instance and tracks on theirs", async () => {
    const claims = await proveEdge({
      baseUrl: publicUrl,
      cookie: "VEZA_SERVERID",
      apiPath: "/api/v1/health",
      streamPrefix: "/stream/",
      apiInstances: ["backend-api-1", "backend-api-2"],
      streamInstances: ["stream-server-1"],
    });
    expect(claims.filter(({ holds }) => !holds)).toEqual([]);
    expect(claims.length).toBeGreaterThan(3);
  }, 90_000);

  it("brings the client's address to the application, and does not believe a client's own header", async () => {
    const answer = await fetch(`${publicUrl}/api/v1/whoami`, {
      headers: { "X-Forwarded-For": "192.0.2.66" },
    });
    const seen: unknown = await answer.json();
    expect(seen).toMatchObject({ clientAddress: "127.0.0.1", headers: { "x-forwarded-for": "127.0.0.1" } });
  });

  it("tells other stacks what it is", async () => {
    expect(await stack.outputs()).toMatchObject({
      project: stack.incus.name,
      loadBalancers: [{ name: "haproxy", urls: [publicUrl, `http://${edgeAddress}:80`] }],
      pools: { api_pool: [{ id: 1, name: "backend-api-1" }, { id: 2 }], stream_pool: [{ id: 1 }] },
    });
  }, 30_000);

  it("has nothing to do in a second update, nor in a preview", async () => {
    expect(changed((await stack.up()).changes)).toBe(0);
    expect(changed(await stack.preview())).toBe(0);
    const { against, containers, hosts } = await stack.diff();
    expect([against.kind, containers, hosts]).toEqual(["deployed", [], []]);
  }, 120_000);

  it("costs at most 2.3 times an empty program to update with nothing to do, by processor time", async () => {
    const empty = join(stack.directory, "empty");
    await emptyProgram(empty);
    const cost = async (name: string, cwd: string): Promise<number> => {
      const words = ["up", "--yes", "--skip-preview", "--non-interactive", "--stack", name];
      return (await runTimed([launcher, ...words], cwd, stack.backend)).cpu;
    };
    await cost(emptyStack, empty);
    const ours: number[] = [];
    const pulumis: number[] = [];
    // In turns, so that a busy minute is one for both.
    for (let round = 0; round < 2; round++) {
      ours.push(await cost(stack.name, stack.project));
      pulumis.push(await cost(emptyStack, empty));
    }
    expect(Math.min(...ours) / Math.min(...pulumis)).toBeLessThan(2.3);
  }, 120_000);

  it("is seen on one screen, and found well", async () => {
    const screen = await stack.veza("status");
    expect(screen).toMatchObject({ exitCode: 0, all: expect.stringContaining("All is well.") });
    const { exitCode, stdout } = await stack.veza("status", "--json");
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      problems: [],
      hosts: [{ name: "main", update: { seen: { unclean: false } } }],
      containers: [
        { name: "haproxy", address: edgeAddress, state: "Running" },
        { name: "backend-api-1", state: "Running" },
        { name: "backend-api-2", state: "Running" },
        { name: "stream-server-1", state: "Running" },
      ],
    });
  }, 60_000);

  it("tells that an instance's agent is silent, of which clients notice nothing", async () => {
    await stack.incus.shell("backend-api-2", "systemctl stop veza-agent");
    const silent = /^haproxy does not hear the agent of api_pool\/backend-api-2 \(L4CON\b.*\): it serves, /;
    await until("status tells", async () => {
      const { exitCode, stdout } = await stack.veza("status", "--json");
      const { problems } = JSON.parse(stdout) as { problems: string[] };
      return exitCode === 2 && problems.length === 1 && silent.test(problems.join());
    });
    expect((await serversOf("api_pool")).get("backend-api-2")?.status).toBe("UP");
    const { exitCode, all } = await stack.veza("drift");
    expect(exitCode).toBe(2);
    expect(all).toMatch(/backend-api-2[^]*veza-agent/);
    await stack.incus.shell("backend-api-2", "systemctl start veza-agent");
    expect(await stack.veza("drift")).toMatchObject({ exitCode: 0 });
  }, 60_000);

  it("tells what its applications wrote, and lets an operator in", async () => {
    const logs = await stack.veza("logs", "backend-api-2", "-n", "5");
    expect(logs).toMatchObject({
      exitCode: 0,
      all: expect.stringContaining("backend-api-2 listens on port 8080"),
    });
    const ended = await stack.veza("shell", "stream-server-1", "--", "sh", "-c", "hostname; exit 7");
    expect(ended).toMatchObject({ exitCode: 7, all: "stream-server-1" });
    const unknown = await stack.veza("shell", "backend-api-9");
    expect(unknown).toMatchObject({
      exitCode: 1,
      all: expect.stringContaining("there are: haproxy, backend-"),
    });
  }, 60_000);

  it("is not drilled while it is in maintenance, which is said with what ends it", async () => {
    await stack.veza("maintenance up", "--keep-services");
    const drill = await stack.veza("drill failover");
    expect(drill.exitCode).toBe(1);
    expect(drill.stderr).toMatch(
      /^bin\/veza: no drill: stack (\S+) is in maintenance\. bin\/veza maintenance down --stack \1 ends that .*\n.*\nNothing was stopped\.$/,
    );
    expect(await stack.veza("maintenance down")).toMatchObject({ exitCode: 0 });
  }, 60_000);

  it("keeps a server that an operator drained over a reload and an update, and shows no difference for it", async () => {
    expect(await stack.veza("drain", "backend-api-2")).toMatchObject({ exitCode: 0 });
    const last = await stack.veza("drain", "backend-api-1");
    expect(last).toMatchObject({ exitCode: 1, all: expect.stringContaining("backend-api-2 DRAIN") });
    expect((await serversOf("api_pool")).get("backend-api-1")?.status).toBe("UP");
    expect(changed((await stack.up()).changes)).toBe(0);
    await stack.configure({ api: [1, 2], stream: [1], loadBalancer: { timeouts: { serverSeconds: 31 } } });
    expect(
      (await stack.diff()).containers.map(({ container, files }) => [container, files.map(lines)]),
    ).toEqual([["haproxy", [["-    timeout server 30s", "+    timeout server 31s"]]]]);
    expect((await stack.up()).changes).toMatchObject({ update: 1 });
    expect((await serversOf("api_pool")).get("backend-api-2")?.status).toMatch(/^DRAIN/);
    const { stdout } = await stack.veza("status", "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      problems: [],
      notes: [
        "an operator drains api_pool/backend-api-2 in haproxy: bin/veza ready backend-api-2 takes it back",
      ],
    });
    expect(await stack.veza("ready", "api_pool/backend-api-2")).toMatchObject({ exitCode: 0 });
    await until("backend-api-2 is back", async () => {
      return (await serversOf("api_pool")).get("backend-api-2")?.status === "UP";
    });
  }, 180_000);
});

describe("a fleet whose instances are changed", () => {
  it("gains one that takes requests, and the others' processes go on", async () => {
    const before = await pids(1, 2);
    await stack.configure({ api: [1, 2, 3], stream: [1] });
    await stack.up();
    await until("backend-api-3 takes requests", async () => {
      const answer = await fetch(`${publicUrl}/api/v1/whoami`);
      return answer.headers.get("X-Instance") === "backend-api-3";
    });
    expect(await pids(1, 2)).toEqual(before);
  }, 180_000);

  it("loses the second of three, beside a fleet that goes, and nothing changes for the others", async () => {
    const before = { pids: await pids(1, 3), containers: await stack.incus.containers() };
    await stack.configure({ api: [1, 3] });
    await stack.up();
    expect(await pids(1, 3)).toEqual(before.pids);
    expect(await stack.incus.containers()).toEqual(
      before.containers.filter(({ name }) => !["backend-api-2", "stream-server-1"].includes(name)),
    );
    expect([...(await serversOf("api_pool")).keys()]).toEqual(["backend-api-1", "backend-api-3"]);
    expect(changed((await stack.up()).changes)).toBe(0);
  }, 180_000);
});

describe("an edge in maintenance", () => {
  const site = async (): Promise<MaintenanceSite> =>
    maintenanceSite({
      name: stack.name,
      outputs: await stack.outputs(),
      host: () => ({ connection: "local" }),
    });
  const judged = async () => judge(await look(await site()));

  it("stays in it over an update, new containers and a new version included, and serves the new version after it", async () => {
    const before = await site();
    expect(await heard((talk) => closeStack(before, { allow: [], keepServices: false }, talk))).toMatchObject(
      {
        done: true,
      },
    );
    expect(changed(await stack.preview())).toBe(0);
    // At another address the load balancer is another container.
    const instances = [{ address: `${subnet}.12`, publish: [{ http: publishedPort }] }];
    await stack.configure({ api: [1, 3, 4], release: "two", loadBalancer: { instances } });
    await stack.up();
    expect(await stack.incus.shell("backend-api-4", "systemctl is-active backend-api || :")).toBe("inactive");
    expect(await judged()).toEqual({ verdict: "closed", problems: [] });
    expect((await fetch(publicUrl)).status).toBe(503);
    expect(changed(await stack.preview())).toBe(0);
    expect(await heard(async (talk) => openStack(await site(), { force: false }, talk))).toMatchObject({
      done: true,
    });
    expect((await fetch(`${publicUrl}/api/v1/whoami`)).headers.get("X-Version")).toBe("two");
    expect(await judged()).toEqual({ verdict: "open", problems: [] });
  }, 300_000);
});

describe("the end of an edge", () => {
  it("is seen as what it is, when an instance is stopped", async () => {
    await stack.incus.stop("backend-api-1");
    const seen = await stack.veza("status", "--json");
    expect(seen.exitCode).toBe(2);
    expect(JSON.parse(seen.stdout)).toMatchObject({
      problems: expect.arrayContaining([
        `backend-api-1 is Stopped; on main: incus start backend-api-1 --project ${stack.incus.name}`,
      ]),
    });
  }, 60_000);

  it("leaves no container, project or listener", async () => {
    const ended = await stack.destroy();
    expect(ended).toMatchObject({ exitCode: 0 });
    expect(await stack.incus.exists()).toBe(false);
    await expect(fetch(publicUrl)).rejects.toThrow();
    expect(changed((await stack.destroy()).changes)).toBe(0);
  }, 120_000);
});
