import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { request } from "node:http";
import { connect as connectSocket, type Socket } from "node:net";
import { accessLog } from "../../src/haproxy/access-log.ts";
import { setServerState } from "../../src/haproxy/runtime.ts";
import { apiServers, edge, HaproxyLab, streamServers, until } from "./haproxy-lab.ts";

const [first, second] = apiServers;
if (first === undefined || second === undefined) throw new Error("the lab has two API servers");
const cookieOf = (server: { name: string }): string => `VEZA_SERVERID=${server.name}`;

let lab: HaproxyLab;
beforeAll(async () => {
  lab = await HaproxyLab.open();
  await lab.deploy({ slowStartSeconds: 1 });
}, 300_000);
afterAll(() => lab.close(), 60_000);

describe("a client of the API", () => {
  it("stays on the server that answered first", async () => {
    const answers = await Promise.all(Array.from({ length: 6 }, () => ask("/api/v1/whoami")));
    expect(new Set(answers.map(({ instance }) => instance))).toEqual(
      new Set(apiServers.map(({ name }) => name)),
    );
    for (const { headers, instance } of answers) {
      expect(headers.get("set-cookie")).toBe(`VEZA_SERVERID=${instance}; path=/; HttpOnly; SameSite=Lax`);
      const again = await ask("/api/v1/whoami", { cookie: `VEZA_SERVERID=${instance}` });
      expect([again.instance, again.headers.get("set-cookie")]).toEqual([instance, null]);
    }
  });

  it("is known to the application by its address, whatever it says itself", async () => {
    const { body } = await ask("/api/v1/whoami", {
      "x-forwarded-for": "192.0.2.66",
      "x-forwarded-proto": "https",
      "x-forwarded-host": "evil.example",
      "x-real-ip": "192.0.2.66",
      "x-request-id": "mine",
      forwarded: "for=192.0.2.66",
    });
    const { headers } = JSON.parse(body) as { headers: Record<string, string> };
    expect(headers).toMatchObject({ "x-forwarded-for": "10.77.0.1", "x-forwarded-proto": "http" });
    expect(headers).not.toHaveProperty("x-forwarded-host");
    expect(headers).not.toHaveProperty("x-real-ip");
    expect(headers).not.toHaveProperty("forwarded");
    expect(headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("is known by its address behind the host's proxy device, which nobody else can play", async () => {
    const get = "GET /api/v1/whoami HTTP/1.0\r\n\r\n";
    const proxied = `PROXY TCP4 198.51.100.7 127.0.0.1 4711 80\r\n${get}`;
    const inside = await lab.shell(
      "haproxy",
      `printf '${proxied.replaceAll("\r\n", "\\r\\n")}' | socat -t 3 - TCP:127.0.0.1:80`,
    );
    expect(inside).toContain('"clientAddress": "198.51.100.7"');
    expect(await say(proxied)).toMatch(/^HTTP\/1\.[01] 400 /);
  });

  it("finds its request in the access log as JSON, with the id that the answer carried", async () => {
    const { headers } = await ask("/api/v1/whoami?q=%22a", { "user-agent": 'quote " backslash \\ end' });
    const id = headers.get("x-request-id") ?? "none";
    let line = "";
    await until("the request's log line", 5, async () => {
      line = await lab.shell("haproxy", `grep ${id} ${accessLog} || :`);
      return line !== "";
    });
    expect(JSON.parse(line)).toMatchObject({
      id,
      client: "10.77.0.1",
      backend: "api_pool",
      method: "GET",
      path: "/api/v1/whoami",
      query: "?q=%22a",
      status: 200,
      user_agent: 'quote " backslash \\ end',
    });
  });

  it("that sends its headers too slowly is sent away, and too large ones are refused", async () => {
    await lab.deploy({ slowStartSeconds: 1, timeouts: { requestSeconds: 1 } });
    const since = performance.now();
    expect(await say("GET / HTTP/1.1\r\nHost: x\r\n")).toMatch(/^HTTP\/1\.1 408 /);
    expect(performance.now() - since).toBeLessThan(3_000);
    expect(await say(`GET / HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(17_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 4(00|31) /,
    );
  });
});

describe("a server that is being emptied", () => {
  it.each([
    ["by its agent", () => lab.agent(first, "0%"), () => lab.agent(first, "up 100%")],
    ["by an operator", () => operator("drain"), () => operator("ready")],
  ])(
    "%s loses its clients to the other one, and gets them back",
    async (_, empty, refill) => {
      const served = async () => (await ask("/api/v1/whoami", { cookie: cookieOf(first) })).instance;
      expect(await served()).toBe(first.name);
      await empty();
      await until("the pinned client moved", 5, async () => (await served()) === second.name);
      await refill();
      await until("the pinned client is back", 5, async () => (await served()) === first.name);
      await lab.agent(first, "up");
    },
    30_000,
  );

  it("keeps its clients while there is no other one", async () => {
    await lab.agent(second, "down");
    await until(
      "the other one is down",
      5,
      async () => (await lab.server("api_pool", second))?.health === "down",
    );
    await operator("drain");
    expect((await ask("/api/v1/whoami", { cookie: cookieOf(first) })).instance).toBe(first.name);
    await operator("ready");
    await lab.agent(second, "up");
  }, 30_000);

  it("finishes the requests it has", async () => {
    const slow = ask("/api/v1/slow?ms=3000", { cookie: cookieOf(first) });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await lab.agent(first, "0%");
    expect(await slow).toMatchObject({ status: 200, instance: first.name });
    await lab.agent(first, "up 100%");
  }, 30_000);

  it("that its agent takes down is out at once, and comes back only when the agent says so", async () => {
    const health = async () => (await lab.server("api_pool", first))?.health;
    await lab.agent(first, "down");
    await until("it is down", 5, async () => (await health()) === "down");
    await lab.agent(first, "up");
    await until("it is back", 15, async () => (await health()) !== "down");
  }, 30_000);
});

describe("tracks", () => {
  it("meet on one server each, and few move when a server is added", async () => {
    const three = streamServers.slice(0, 3);
    await lab.deploy({ slowStartSeconds: 1 }, { stream_pool: three });
    const before = await serversOfTracks(2_000);
    expect([...before.values()].every((servers) => servers.size === 1)).toBe(true);
    const perServer = Map.groupBy(before.values(), ([server]) => server);
    expect([...perServer.keys()].sort()).toEqual(three.map(({ name }) => name));
    for (const tracks of perServer.values()) expect(tracks.length).toBeGreaterThan(500);

    // The new one first in the list: positions come from ids.
    await lab.deploy({ slowStartSeconds: 1 }, { stream_pool: [...streamServers].reverse() });
    await until(
      "the fourth is at its full weight",
      15,
      async () => (await weightOf("stream-server-4")) === 100,
    );
    const after = await serversOfTracks(2_000);
    const moved = [...after].filter(([track, [server]]) => !before.get(track)?.has(server ?? ""));
    expect(moved.length).toBeLessThan(0.35 * 2_000);
    expect(moved.every(([, [server]]) => server === "stream-server-4")).toBe(true);
  }, 120_000);
});

describe("a pool without servers", () => {
  it("answers 503 with a page, and the other pool goes on", async () => {
    await lab.deploy({}, { stream_pool: [] });
    const { status, headers, body } = await ask("/stream/a/0");
    expect([status, headers.get("retry-after")]).toEqual([503, "10"]);
    expect(body).toContain("Back in a moment");
    expect((await ask("/api/v1/whoami")).status).toBe(200);
  }, 60_000);
});

describe("statistics and metrics", () => {
  it("are there to read on the bridge, and change nothing", async () => {
    await lab.deploy();
    const stats = `http://${edge}:9100/stats`;
    expect(await (await fetch(`${stats};csv`)).text()).toContain("\napi_pool,backend-api-1,");
    expect(await (await fetch(`http://${edge}:9100/metrics`)).text()).toContain("haproxy_server_status");
    const change = await fetch(stats, { method: "POST", body: `s=${first.name}&action=maint&b=api_pool` });
    await change.text();
    expect(await lab.server("api_pool", first)).toMatchObject({ admin: "ready" });
  }, 60_000);
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly instance: string;
  readonly body: string;
}

/** One request on a connection of its own; nothing is added to the headers, and redirects are not followed. */
async function ask(path: string, headers: Record<string, string> = {}): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const sent = request(`http://${edge}${path}`, { headers, agent: false }, (response) => {
    let body = "";
    response.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
    response.on("error", reject).on("end", () => {
      const received = new Headers();
      for (let i = 0; i < response.rawHeaders.length; i += 2) {
        received.append(response.rawHeaders[i] ?? "", response.rawHeaders[i + 1] ?? "");
      }
      resolve({
        status: response.statusCode ?? 0,
        headers: received,
        instance: received.get("x-instance") ?? "",
        body,
      });
    });
  });
  sent.on("error", reject).end();
  return promise;
}

/** Sends bytes as they are and returns everything that comes back. */
async function say(text: string): Promise<string> {
  const socket: Socket = connectSocket(80, edge);
  socket.setTimeout(10_000, () => socket.destroy(new Error("no answer within 10 s")));
  socket.write(text);
  let answer = "";
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}

async function operator(state: "drain" | "ready"): Promise<void> {
  await lab.tell(setServerState({ backend: "api_pool", server: first?.name ?? "" }, state));
}

async function weightOf(server: string): Promise<number | undefined> {
  return (await lab.statistics()).find(({ proxy, name }) => proxy === "stream_pool" && name === server)
    ?.weight;
}

/** The servers that answered for each track, over two segments and twice. */
async function serversOfTracks(count: number): Promise<Map<string, Set<string>>> {
  const tracks = new Map<string, Set<string>>();
  const paths = Array.from({ length: count }, (_, n) => `track-${String(n)}`);
  const next = paths.values();
  const worker = async (): Promise<void> => {
    for (const track of next) {
      const servers = new Set<string>();
      for (const segment of ["0.ts", "1.ts"]) {
        const response = await fetch(`http://${edge}/stream/${track}/${segment}`);
        await response.arrayBuffer();
        servers.add(response.headers.get("x-instance") ?? "");
      }
      tracks.set(track, servers);
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return tracks;
}
