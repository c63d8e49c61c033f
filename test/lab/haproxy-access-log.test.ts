import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { Agent, request } from "undici";
import { accessLog } from "../../src/haproxy/access-log.ts";
import { apiServers, edge, HaproxyLab, until } from "./haproxy-lab.ts";

let lab: HaproxyLab;
beforeAll(async () => {
  lab = await HaproxyLab.open();
  // Files of 1 MiB.
  await lab.deploy({ accessLog: { keepMiB: 16 } });
}, 300_000);
afterAll(() => lab.close(), 60_000);

describe("the access log", () => {
  it("has every request once and whole, or counts it, also where one file ends and the next begins", async () => {
    const ids = await ask(5_000);
    await until("all requests are in the log", 20, async () => {
      return (await logged(ids)) + (await dropped()) === ids.length;
    });
    expect(await dropped()).toBeLessThan(50);
    const files = await lab.shell("haproxy", `stat -c '%s %n' ${accessLog}*`);
    const sizes = files
      .trim()
      .split("\n")
      .map((line) => line.split(" "));
    expect(sizes.length).toBeGreaterThan(2);
    for (const [bytes, name] of sizes.filter(([, name]) => name !== accessLog)) {
      expect([name, Number(bytes) >= 1_048_576, Number(bytes) < 1_048_576 + 8_192]).toEqual([
        name,
        true,
        true,
      ]);
      expect(await lab.shell("haproxy", `tail -c 2 ${name ?? ""}`)).toBe("}\n");
    }
  }, 60_000);

  it("keeps no file longer than config says", async () => {
    const kept = (): Promise<string> => lab.shell("haproxy", `cd ${directory} && echo access.log.*`);
    await lab.shell(
      "haproxy",
      `systemctl stop ${service} && cd ${directory} && for n in {1..15} 40; do echo '{}' >access.log.$n; done && truncate -s 1M access.log`,
    );
    const [id = ""] = await ask(1);
    await until("the next request is in the log", 10, async () => (await logged([id])) === 1);
    const names = Array.from({ length: 15 }, (_, n) => `access.log.${String(n + 1)}`);
    expect((await kept()).trim().split(" ").sort()).toEqual(names.sort());
    expect(await lab.shell("haproxy", `stat -c %s ${accessLog}.1 ${accessLog}.15`)).toBe("1048576\n3\n");
  }, 60_000);

  it("gets what was asked while nobody read it, and no client waits for that", async () => {
    await lab.shell("haproxy", `systemctl stop ${socket} ${service}`);
    const ids = await ask(200);
    expect(await logged(ids)).toBe(0);
    await lab.shell("haproxy", `systemctl start ${socket}`);
    await until("the lines that waited are in the log", 10, async () => (await logged(ids)) === 200);
  }, 60_000);

  it("costs HAProxy no request when the pipe is full: lines are dropped and counted", async () => {
    await lab.shell("haproxy", `systemctl stop ${socket} ${service}`);
    const before = await dropped();
    await ask(4_000);
    expect(await dropped()).toBeGreaterThan(before);
    await lab.deploy({ accessLog: { keepMiB: 16 } });
    const ids = await ask(10);
    await until("later requests are in the log", 10, async () => (await logged(ids)) === 10);
  }, 60_000);

  it("goes on after a reboot", async () => {
    await lab.reboot("haproxy");
    await until("the edge answers", 30, async () => (await statusOf()) === 200);
    const ids = await ask(10);
    await until("they are in the log", 10, async () => (await logged(ids)) === 10);
  }, 90_000);

  it("leaves what becomes of servers to the journal, which has no requests", async () => {
    const [server] = apiServers;
    if (server === undefined) throw new Error("the lab has API servers");
    await lab.agent(server, "down");
    const journal = (): Promise<string> => lab.shell("haproxy", "journalctl -u haproxy -o cat --since -2min");
    await until("the journal tells it", 15, async () =>
      (await journal()).includes(`Server api_pool/${server.name} is DOWN`),
    );
    await lab.agent(server, "up");
    const [id = "none"] = await ask(1);
    await until("the request is in the log", 10, async () => (await logged([id])) === 1);
    expect(await journal()).not.toContain(id);
    expect(await lab.shell("haproxy", `grep -c ' is DOWN' ${accessLog} || :`)).toBe("0\n");
  }, 60_000);
});

const directory = "/var/log/haproxy";
const socket = "veza-access-log.socket";
const service = "veza-access-log.service";

/** Asks so many times, sixteen at once. @returns the ids of the requests */
async function ask(times: number): Promise<string[]> {
  const dispatcher = new Agent({ connections: 16 });
  const ids: string[] = [];
  const one = async (): Promise<void> => {
    const { statusCode, headers, body } = await request(`http://${edge}/api/v1/whoami`, { dispatcher });
    await body.dump();
    expect(statusCode).toBe(200);
    ids.push(String(headers["x-request-id"]));
  };
  let begun = 0;
  const client = async (): Promise<void> => {
    while (begun++ < times) await one();
  };
  try {
    await Promise.all(Array.from({ length: 16 }, client));
  } finally {
    await dispatcher.close();
  }
  return ids;
}

async function statusOf(): Promise<number> {
  return fetch(`http://${edge}/api/v1/whoami`).then(
    ({ status }) => status,
    () => 0,
  );
}

/** How many of these requests are in the log; none is there twice, and no line is half a one. */
async function logged(ids: readonly string[]): Promise<number> {
  const others = await lab.shell("haproxy", `grep -hvE '^\\{("at": .*)?\\}$' ${accessLog}* || :`);
  // A worker that ends says so, in words.
  expect(others.replaceAll(/^Proxy edge stopped .*\n/gm, "")).toBe("");
  const wanted = new Set(ids);
  const lines = await lab.shell("haproxy", `grep -hoE '"id": "[^"]*"' ${accessLog}* || :`);
  const found = lines.split('"').filter((word) => wanted.has(word));
  expect(new Set(found).size).toBe(found.length);
  return found.length;
}

async function dropped(): Promise<number> {
  return Number(/^DroppedLogs: (\d+)$/m.exec(await lab.tell("show info\n"))?.[1]);
}
