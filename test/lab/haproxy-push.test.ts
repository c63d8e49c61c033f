import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { setServerState } from "../../src/haproxy/runtime.ts";
import { startLoad } from "../../src/ops/load/start-load.ts";
import { apiServers, edge, HaproxyLab, streamServers, until } from "./haproxy-lab.ts";

const [first, second] = apiServers;
if (first === undefined || second === undefined) throw new Error("the lab has two API servers");

let lab: HaproxyLab;
beforeAll(async () => {
  lab = await HaproxyLab.open();
}, 300_000);
afterAll(() => lab.close(), 60_000);

describe("a push", () => {
  beforeEach(async () => {
    await lab.deploy();
  }, 60_000);

  it("serves, is started at boot, and does nothing the second time", async () => {
    expect(await statusOf("/api/v1/whoami")).toBe(200);
    expect(await lab.shell("haproxy", "systemctl is-enabled haproxy")).toBe("enabled\n");
    const before = await lab.processes();
    expect(await lab.push()).toEqual({ exitCode: 0, said: "" });
    expect(await lab.processes()).toEqual(before);
  }, 60_000);

  it("takes over without restarting the process", async () => {
    const before = await lab.processes();
    await lab.deploy({ timeouts: { serverSeconds: 31 } });
    const after = await lab.processes();
    expect(after.master).toEqual({ pid: before.master.pid, reloads: before.master.reloads + 1 });
    expect(after.worker?.pid).not.toBe(before.worker?.pid);
    expect(await lab.shell("haproxy", "cat /etc/haproxy/current/haproxy.cfg")).toContain(
      "timeout server 31s",
    );
  }, 60_000);

  it("that HAProxy does not accept changes nothing and shows HAProxy's own words", async () => {
    const before = await lab.processes();
    const configuration = await lab.shell("haproxy", "cat /etc/haproxy/current/haproxy.cfg");
    const outcome = await lab.push({ extraConfig: { api_pool: "balance sideways\n" } });
    expect(outcome.exitCode).not.toBe(0);
    expect(outcome.said).toMatch(
      /\[\/etc\/haproxy\/current\/haproxy\.cfg:\d+\] : balance only supports 'roundrobin'/,
    );
    expect(outcome.said).toMatch(
      /line \d+ \(from veza-edge:loadBalancer\.extraConfig\.api_pool\): balance sideways/,
    );
    expect(outcome.said).toMatch(/running configuration \(release [0-9a-f]{16}\) is untouched/);
    expect(await lab.processes()).toEqual(before);
    expect(await lab.shell("haproxy", "cat /etc/haproxy/current/haproxy.cfg")).toBe(configuration);
    expect(await statusOf("/api/v1/whoami")).toBe(200);
    // The next good one needs nothing else.
    await lab.deploy({ timeouts: { queueSeconds: 6 } });
  }, 60_000);

  it("that finds its port taken is taken back, the process untouched", async () => {
    await lab.shell("haproxy", "systemd-run -q --unit taken socat TCP-LISTEN:8099,fork,reuseaddr PIPE");
    try {
      const before = await lab.processes();
      const outcome = await lab.push({ extraConfig: { frontends: "bind :8099" } });
      expect(outcome.exitCode).not.toBe(0);
      expect(outcome.said).toMatch(/cannot bind socket .*0\.0\.0\.0:8099/);
      expect(outcome.said).toMatch(/is untouched and its process was not restarted/);
      const after = await lab.processes();
      expect([after.master.pid, after.worker?.pid]).toEqual([before.master.pid, before.worker?.pid]);
      expect(await statusOf("/api/v1/whoami")).toBe(200);
      expect(await lab.push()).toEqual({ exitCode: 0, said: "" });
    } finally {
      await lab.shell("haproxy", "systemctl stop taken");
    }
  }, 60_000);

  it("whose listener does not answer afterwards is taken back", async () => {
    const outcome = await lab.push({
      extraConfig: { frontends: "monitor-uri /elsewhere\nhttp-request deny" },
    });
    expect(outcome.exitCode).not.toBe(0);
    expect(outcome.said).toMatch(/\/\.well-known\/veza-edge does not answer 200 within \d+ s \(last: 403\)/);
    expect(outcome.said).toMatch(/State now: release [0-9a-f]{16} runs again/);
    expect(await statusOf("/api/v1/whoami")).toBe(200);
  }, 90_000);

  it("brings back a file that somebody edited on the machine", async () => {
    await lab.shell(
      "haproxy",
      "sed -i 's/timeout server 30s/timeout server 99s/' /etc/haproxy/current/haproxy.cfg",
    );
    await lab.deploy();
    expect(await lab.shell("haproxy", "cat /etc/haproxy/current/haproxy.cfg")).toContain(
      "timeout server 30s",
    );
  }, 60_000);

  it("is as good while a server is down, which stays down for the new worker", async () => {
    const down = streamServers[3];
    if (down === undefined) throw new Error("the lab has four stream servers");
    const nowhere = { ...down, port: down.port + 500 };
    const pools = { stream_pool: [...streamServers.slice(0, 3), nowhere] };
    await lab.deploy({}, pools);
    const isDown = async () => (await lab.server("stream_pool", down))?.health === "down";
    await until("the server without an application is down", 20, isDown);
    await lab.deploy({ timeouts: { queueSeconds: 8 } }, pools);
    expect(await isDown()).toBe(true);
  }, 60_000);

  it("starts an HAProxy that was stopped", async () => {
    await lab.shell("haproxy", "systemctl stop haproxy");
    await lab.deploy();
    expect(await statusOf("/api/v1/whoami")).toBe(200);
  }, 60_000);

  it("makes good one that was killed between its switch and its reload", async () => {
    const running = await lab.shell("haproxy", "readlink /etc/haproxy/current");
    await lab.shell(
      "haproxy",
      "cp -a /etc/haproxy/current/ /etc/haproxy/releases/half && ln -sfn releases/half /etc/haproxy/current",
    );
    await lab.deploy();
    expect(await lab.shell("haproxy", "readlink /etc/haproxy/current")).toBe(running);
  }, 60_000);

  it("keeps three releases", async () => {
    for (const keepAliveSeconds of [21, 22, 23]) {
      await lab.deploy({ timeouts: { keepAliveSeconds } });
    }
    expect((await lab.shell("haproxy", "ls /etc/haproxy/releases")).trim().split("\n")).toHaveLength(3);
  }, 60_000);

  it("gives servers the address that is configured now, not the one they had", async () => {
    const [a, b] = streamServers;
    if (a === undefined || b === undefined) throw new Error("the lab has stream servers");
    const moved = { ...first, port: second.port, agentPort: second.agentPort ?? 0 };
    await lab.deploy({}, { api_pool: [moved, { ...second, id: 9 }] });
    expect(await lab.server("api_pool", first)).toMatchObject({ port: second.port, id: 1 });
    expect(await lab.server("api_pool", second)).toMatchObject({ port: second.port, id: 9 });
    const file = await lab.shell("haproxy", "systemctl restart haproxy && cat /var/lib/haproxy/server-state");
    expect(file).toMatch(new RegExp(` ${first.name} .* ${String(second.port)} `));
    expect(await lab.server("api_pool", first)).toMatchObject({ port: second.port });
  }, 60_000);

  it("undoes an address that was changed on the running HAProxy", async () => {
    await lab.tell(`set server api_pool/${first.name} addr 127.0.0.1 port 1\n`);
    expect(await lab.server("api_pool", first)).toMatchObject({ address: "127.0.0.1", port: 1 });
    await lab.deploy();
    expect(await lab.server("api_pool", first)).toMatchObject({ address: first.address, port: first.port });
  }, 60_000);

  it("leaves an operator's drain and maint as they are, through reload, restart and reboot", async () => {
    await lab.tell(setServerState({ backend: "api_pool", server: first.name }, "drain"));
    const stream = streamServers[0];
    if (stream === undefined) throw new Error("the lab has stream servers");
    await lab.tell(setServerState({ backend: "stream_pool", server: stream.name }, "maint"));
    for (const change of [
      () => lab.push({ timeouts: { queueSeconds: 7 } }),
      () => lab.shell("haproxy", "systemctl reload haproxy"),
      () => lab.shell("haproxy", "systemctl restart haproxy"),
      () => lab.reboot("haproxy"),
    ]) {
      await change();
      expect(await lab.server("api_pool", first)).toMatchObject({ admin: "drain" });
      expect(await lab.server("api_pool", second)).toMatchObject({ admin: "ready" });
      expect(await lab.server("stream_pool", stream)).toMatchObject({ admin: "maint" });
      expect(await instances({ pinnedTo: first.name, requests: 4 })).toEqual([second.name]);
    }
    await lab.tell(setServerState({ backend: "api_pool", server: first.name }, "ready"));
    await lab.tell(setServerState({ backend: "stream_pool", server: stream.name }, "ready"));
    expect(await instances({ pinnedTo: first.name, requests: 4 })).toEqual([first.name]);
  }, 120_000);

  it("does not keep what an agent said at the time of a stop, when it says so no more", async () => {
    const weight = async () => (await lab.server("api_pool", first))?.weight;
    await lab.agent(first, "0%");
    await until("the server is empty", 5, async () => (await weight()) === 0);
    await lab.shell("haproxy", "systemctl stop haproxy");
    await lab.agent(first, "up");
    await lab.shell("haproxy", "systemctl start haproxy");
    expect(await weight()).toBe(100);
    // One that still says it is heard at once.
    await lab.agent(first, "0%");
    await until("the server is empty again", 5, async () => (await weight()) === 0);
    await lab.shell("haproxy", "systemctl restart haproxy");
    await until("the server stays empty", 5, async () => (await weight()) === 0);
    await lab.agent(first, "up 100%");
    await until("the server has its weight", 5, async () => (await weight()) === 100);
    await lab.agent(first, "up");
  }, 60_000);

  it("under load loses no request and cuts no WebSocket, good or refused", async () => {
    const load = startLoad({
      baseUrl: `http://${edge}`,
      maxSeconds: 60,
      http: [
        { name: "pinned", clients: 4, pinned: true, paths: ["/api/v1/whoami"], pace: { kind: "closed" } },
        {
          name: "tracks",
          clients: 4,
          pinned: false,
          paths: ["/stream/a/0", "/stream/b/0"],
          pace: { kind: "closed" },
        },
      ],
      webSockets: { clients: 4, path: "/api/v1/ws", messageEveryMs: 200 },
    });
    const outcomes: number[] = [];
    for (const serverSeconds of [40, 41, 42, 43]) {
      outcomes.push((await lab.push({ timeouts: { serverSeconds } })).exitCode);
      outcomes.push((await lab.push({ extraConfig: { defaults: "no such keyword" } })).exitCode);
    }
    const report = await load.stop();
    expect(outcomes.map((code) => code === 0)).toEqual([true, false, true, false, true, false, true, false]);
    for (const group of report.http) {
      expect(group).toMatchObject({ failed: 0, firstFailures: [] });
      expect(group.requests).toBeGreaterThan(1_000);
    }
    expect(report.webSockets).toMatchObject({ connected: 4, reconnects: [], connectErrors: {} });
  }, 120_000);
});

describe("a load balancer that is no longer wanted", () => {
  it("stops, for the next boot too, and leaves nothing of its configuration", async () => {
    await lab.deploy();
    expect(await lab.remove()).toEqual({ exitCode: 0, said: "" });
    await expect(fetch(`http://${edge}/`)).rejects.toThrow();
    const left =
      "systemctl is-enabled haproxy; ls /etc/haproxy /etc/systemd/system/haproxy.service.d /usr/local/lib/veza";
    const said = await lab.shell("haproxy", `${left} || :`);
    expect(said).toMatch(/^disabled\n/);
    expect(said).not.toMatch(/current|releases|veza\.conf|haproxy-control/);
  }, 60_000);
});

describe("a first push that HAProxy does not accept", () => {
  it("starts nothing and leaves nothing behind", async () => {
    await lab.shell(
      "haproxy",
      "systemctl disable -q --now haproxy; rm -rf /etc/haproxy/releases /etc/haproxy/current",
    );
    const outcome = await lab.push({ extraConfig: { global: "no such keyword" } });
    expect(outcome.exitCode).not.toBe(0);
    expect(outcome.said).toMatch(/haproxy did not run before, and was not started/);
    expect(await lab.shell("haproxy", "ls /etc/haproxy/releases; systemctl is-active haproxy || :")).toBe(
      "inactive\n",
    );
  }, 60_000);
});

async function statusOf(path: string): Promise<number> {
  return (await fetch(`http://${edge}${path}`)).status;
}

async function instances(ask: { pinnedTo: string; requests: number }): Promise<string[]> {
  const seen = new Set<string>();
  await until(
    `${edge} answers`,
    20,
    async () => (await fetch(`http://${edge}/`).catch(() => undefined))?.ok === true,
  );
  for (let n = 0; n < ask.requests; n++) {
    const response = await fetch(`http://${edge}/`, { headers: { cookie: `VEZA_SERVERID=${ask.pinnedTo}` } });
    seen.add(response.headers.get("x-instance") ?? "");
  }
  return [...seen];
}
