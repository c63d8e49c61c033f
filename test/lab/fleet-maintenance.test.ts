import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { fileURLToPath } from "node:url";
import { bundleStandIns } from "../../lab/bundle.ts";
import { networkSchema } from "../../src/config/incus.ts";
import { loadBalancerSchema } from "../../src/config/load-balancer.ts";
import type { FleetConfig } from "../../src/config/fleet.ts";
import type { InstanceSpec } from "../../src/fleet/model.ts";
import { loadBalancerModel } from "../../src/haproxy/model.ts";
import { haproxyUnit } from "../../src/haproxy/render.ts";
import { lock } from "../../src/ops/lock.ts";
import { closeStack, openStack } from "../../src/ops/maintenance/maintenance.ts";
import type { MaintenanceSite } from "../../src/ops/maintenance/site.ts";
import { judge, look } from "../../src/ops/maintenance/state.ts";
import { FleetLab, fleetProject, instancesOf } from "./fleet-lab.ts";
import type { Outcome } from "./support/containers.ts";
import { heard, type Heard } from "./support/maintenance-talk.ts";
import { until } from "./support/until.ts";

const child = fileURLToPath(new URL("support/maintenance-child.ts", import.meta.url));
const balancer = "rolling-haproxy";
const address = "10.77.0.70";
const statistics = [{ address, port: 9100 }];
const instance = "rolling-api-1";

const site: MaintenanceSite = {
  stack: "test",
  project: fleetProject,
  loadBalancers: [{ name: balancer, host: "main" }],
  services: [{ name: instance, host: "main", service: "rolling-api", server: `api_pool/${instance}` }],
  host: () => ({ connection: "local" }),
};

let lab: FleetLab;
beforeAll(async () => {
  lab = await FleetLab.open();
  const spec = await specOf("1");
  await lab.container(balancer, "haproxy", address);
  await lab.container(instance, "app", spec.address);
  expect(await lab.rollOut(spec, statistics)).toMatchObject({ exitCode: 0 });
  const { id, name, address: at, application } = spec;
  const servers = [{ id, name, address: at, port: application.port, agentPort: 8079 }];
  const config = loadBalancerSchema.parse({ instances: [{ address }] });
  const network = networkSchema.parse({ gateway: "10.77.0.1/24" });
  const model = loadBalancerModel(config, { api_pool: servers, stream_pool: [] }, network);
  expect(await lab.apply(balancer, haproxyUnit(model), 120)).toMatchObject({ exitCode: 0 });
}, 300_000);
afterAll(() => lab.close(), 60_000);

async function specOf(version: string, changes: Partial<FleetConfig> = {}): Promise<InstanceSpec> {
  const bundled = await bundleStandIns(lab.directory, { version });
  const api = bundled.find(({ app }) => app === "backend-api");
  const [spec] = instancesOf({ path: api?.path ?? "", sha256: api?.sha256 ?? "" }, changes);
  if (spec === undefined) throw new Error("the fleet has no instance");
  return spec;
}

async function rollOut(version: string, changes: Partial<FleetConfig> = {}): Promise<Outcome> {
  return lab.rollOut(await specOf(version, changes), statistics);
}

const close = async (keepServices = false, allow: readonly string[] = []): Promise<Heard> =>
  heard((talk) => closeStack(site, { allow, keepServices }, talk));
const open = async (force = false): Promise<Heard> => heard((talk) => openStack(site, { force }, talk));
const judged = async () => judge(await look(site));

/** What a client is answered: the version of the application, or the page of the maintenance, or the status. */
async function served(): Promise<string> {
  const headers = { Connection: "close" };
  const answer = await fetch(`http://${address}/api/v1/whoami`, { headers });
  const body = await answer.text();
  if (answer.ok) return (JSON.parse(body) as { version: string }).version;
  return answer.headers.get("retry-after") === "300" ? "page" : String(answer.status);
}
const state = (): Promise<string> => lab.shell(instance, "systemctl is-active rolling-api || :");

describe("applications in a maintenance", () => {
  it("stop when clients see the page, and load balancers take them for down at once", async () => {
    const socket = new WebSocket(`ws://${address}/api/v1/ws`);
    await new Promise((resolve) => socket.addEventListener("open", resolve));
    const closed = new Promise<number>((resolve) =>
      socket.addEventListener("close", ({ code }) => resolve(code)),
    );
    expect(await close()).toEqual({
      done: true,
      lines: [
        `${balancer}: answers 503 to everybody but who config allows`,
        `${instance}: rolling-api is stopped`,
      ],
    });
    // By the application, which says that it goes.
    expect(await closed).toBe(1012);
    expect([await served(), await state()]).toEqual(["page", "inactive\n"]);
    expect(await lab.shell(instance, "cat </dev/tcp/127.0.0.1/8079")).toBe("down\n");
    expect(await judged()).toEqual({ verdict: "closed", problems: [] });
  }, 60_000);

  it("stay stopped over a boot, and when somebody starts them", async () => {
    await lab.restart(instance);
    await lab.shell(instance, "systemctl start rolling-api");
    expect(await state()).toBe("inactive\n");
  }, 60_000);

  it("take a new version that stays stopped, once, and without a wait for their health", async () => {
    const outcome = await rollOut("2");
    expect(outcome).toMatchObject({ exitCode: 0 });
    expect(outcome.said).toMatch(
      /rolling-api-1: releases\/\w{12} is in place and stays stopped until bin\/veza maintenance down/,
    );
    expect(await rollOut("2")).toEqual({ exitCode: 0, said: "" });
    expect(await state()).toBe("inactive\n");
    expect(await judged()).toEqual({ verdict: "closed", problems: [] });
  }, 90_000);

  it("serve the new version when it is over, and clients see nothing but the page until then", async () => {
    const over = new AbortController();
    const answers: string[] = [];
    const client = (async () => {
      while (!over.signal.aborted) answers.push(await served());
    })();
    expect(await open()).toEqual({
      done: true,
      lines: [`${instance}: runs`, `${balancer}: serves its clients`],
    });
    over.abort();
    await client;
    expect(await served()).toBe("2");
    expect(answers.join(" ")).toMatch(/^page( page)*( 2)*$/);
    expect(await judged()).toEqual({ verdict: "open", problems: [] });
    expect(await rollOut("2")).toEqual({ exitCode: 0, said: "" });
  }, 180_000);

  it("that cannot start leave the page where it is, unless somebody insists", async () => {
    await close();
    expect(await rollOut("3", { command: ["/usr/bin/none"] })).toMatchObject({ exitCode: 0 });
    expect(await open()).toEqual({
      done: false,
      lines: [
        expect.stringMatching(/^✗ rolling-api-1: .*rolling-api cannot be started/s),
        "✗ : no instance of rolling-api could be started, so the load balancers stay closed",
      ],
    });
    expect(await judged()).toMatchObject({ verdict: "closed" });
    expect((await open(true)).lines).toContain(`${balancer}: serves its clients`);
    expect(await judged()).toEqual({ verdict: "open", problems: [] });
  }, 120_000);

  it("go on for who is let through, and a roll-out proves a new version", async () => {
    await close();
    await rollOut("4");
    const ended = await close(true, ["10.77.0.1"]);
    expect(ended).toEqual({
      done: true,
      lines: [`${balancer}: answers 503 to everybody but who config allows, 10.77.0.1`, `${instance}: runs`],
    });
    await until("the one who is let through is served", async () => (await served()) === "4");
    expect((await rollOut("5", { environment: { FAIL_HEALTH: "1" }, healthSeconds: 5 })).exitCode).not.toBe(
      0,
    );
    expect(await served()).toBe("4");
    expect(await rollOut("6")).toMatchObject({ exitCode: 0 });
    expect(await served()).toBe("6");
    expect((await open()).done).toBe(true);
  }, 180_000);
});

describe("two operators at once", () => {
  const operator = (verb: "up" | "down") => {
    // Without its function, which JSON leaves out.
    const words = ["--no-warnings", child, JSON.stringify(site), verb];
    return execa(process.execPath, words, { reject: false, stdin: "ignore", env: { NODE_OPTIONS: "" } });
  };

  it("do not cross: the second one is told who the first is, and changes nothing", async () => {
    // A roll-out keeps the first one waiting.
    const rollOutLock = "/run/veza-units.lock";
    const held = lab.shell(
      instance,
      `flock ${rollOutLock} sh -c 'until [ -e /root/go ]; do sleep 0.1; done'`,
    );
    const isHeld = async () =>
      (await lab.shell(instance, `flock -n ${rollOutLock} true || echo held`)) !== "";
    await until("it has its lock", isHeld);
    const first = operator("up");
    await until("clients see the page", async () => (await served()) === "page");
    const second = await operator("down");
    expect([second.exitCode, second.stdout]).toEqual([
      1,
      expect.stringMatching(
        /somebody else is at work on this stack's maintenance: maintenance up by \S+ on \S+\. Nothing was changed/,
      ),
    ]);
    expect([await served(), await state()]).toEqual(["page", "active\n"]);
    await lab.shell(instance, "touch /root/go");
    await held;
    expect((await first).stdout).toContain(`${instance}: rolling-api is stopped`);
    expect(await judged()).toEqual({ verdict: "closed", problems: [] });
  }, 60_000);

  it("are kept apart on every host that can be reached, and need one that can", async () => {
    const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5mXq0m7kQz0mN0m8b3i2m1mO2k3m4n5o6p7q8r9s0t";
    const off = { connection: "ssh", address: "127.0.0.1", port: 1, user: "root", hostKey } as const;
    const place = { part: "maintenance", project: fleetProject } as const;
    const host = (name: string) => (name === "off" ? off : ({ connection: "local" } as const));
    const held = await lock({ ...place, hosts: ["off", "on"], host }, "a test");
    try {
      expect((await operator("up")).stdout).toContain("this stack's maintenance: a test by ");
    } finally {
      await held.release();
    }
    await expect(lock({ ...place, hosts: ["off"], host }, "a test")).rejects.toThrow("cannot be reached");
  }, 30_000);

  it("that begin at the same moment leave one whole maintenance, or none", async () => {
    const ended = await Promise.all([operator("up"), operator("down")]);
    const { verdict, problems } = await judged();
    expect(problems).toEqual([]);
    expect(["open", "closed"]).toContain(verdict);
    expect(ended.some(({ exitCode }) => exitCode === 0)).toBe(true);
    expect((await open()).done).toBe(true);
  }, 120_000);
});
