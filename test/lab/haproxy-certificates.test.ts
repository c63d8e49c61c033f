import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { certificateDirectory, issuedNamesMap } from "../../src/config/certificates.ts";
import type { Certificates } from "../../src/haproxy/tls.ts";
import { startLoad } from "../../src/ops/load/start-load.ts";
import { applications, edge, HaproxyLab } from "./haproxy-lab.ts";
import { ask, selfSigned, tlsSession, type Certificate } from "./haproxy-tls-client.ts";

const certificates: Certificates = {
  kind: "issued",
  primaryNames: ["veza.test", "talas.test"],
  challenge: { address: applications, port: 8888 },
  metricsPort: 8889,
};
const pem = `${certificateDirectory}/veza.test.pem`;
/** Published at other ports, and with lines that would keep the CA away if they could. */
const config = {
  instances: [{ address: edge, publish: [{ http: 8080, https: 8443 }] }],
  slowStartSeconds: 1,
  extraConfig: {
    frontends:
      "http-request deny if { path_beg /.well-known/ }\nuse_backend nobody if { hdr(host) -m dom acme }",
    sections: "backend nobody\n    http-request return status 404\n",
  },
};
const websocket = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
};

let lab: HaproxyLab;
let first: Certificate;
let second: Certificate;
beforeAll(async () => {
  lab = await HaproxyLab.open();
  [first, second] = [await selfSigned("veza.test"), await selfSigned("veza.test")];
  const placeholder = await selfSigned("talas.test");
  await lab.write("haproxy", `${certificateDirectory}/talas.test.pem`, placeholder.chain + placeholder.key);
  await place(first);
  await lab.write("haproxy", issuedNamesMap, "veza.test 1\n");
  await startSidecars();
  await lab.deploy(config, {}, certificates);
}, 300_000);
afterAll(() => lab.close(), 60_000);

describe("a name with an issued certificate", () => {
  it.each([
    ["veza.test", "https://veza.test"],
    ["veza.test:80", "https://veza.test"],
    ["veza.test:8080", "https://veza.test:8443"],
    ["VEZA.test.:8080", "https://veza.test:8443"],
  ])("is sent from http://%s to %s, for good", async (host, origin) => {
    const { status, headers } = await ask("http", host, "/api/v1/whoami?a=b");
    expect([status, headers.location]).toEqual([301, `${origin}/api/v1/whoami?a=b`]);
  });

  it("is told to stay on HTTPS, also by errors", async () => {
    for (const [path, answer] of [
      ["/api/v1/whoami", 200],
      ["/.well-known/", 403],
    ] as const) {
      const { status, headers } = await ask("https", "veza.test", path);
      expect([status, headers["strict-transport-security"]]).toEqual([answer, "max-age=63072000"]);
    }
  });
});

describe("a name with a placeholder", () => {
  it.each(["talas.test", "talas.test:8080", edge, "", ":80"])("(%j) is served over HTTP", async (host) => {
    const { status, headers } = await ask("http", host, "/api/v1/whoami");
    expect([status, headers.location]).toEqual([200, undefined]);
  });

  it("is promised nothing over HTTPS", async () => {
    const { status, headers } = await ask("https", "talas.test", "/api/v1/whoami");
    expect([status, headers["strict-transport-security"]]).toEqual([200, undefined]);
  });
});

it.each([
  ["requests", "/api/v1/whoami", {}, 200],
  ["WebSockets", "/api/v1/ws", websocket, 101],
])("%s keep the cookie to HTTPS where they were given it there", async (_, path, headers, status) => {
  const cookie = /^VEZA_SERVERID=backend-api-\d; path=\/; HttpOnly; SameSite=Lax$/;
  const plain = await ask("http", "talas.test", path, headers);
  expect([plain.status, plain.headers["set-cookie"]]).toEqual([status, [expect.stringMatching(cookie)]]);
  const secure = await ask("https", "talas.test", path, headers);
  const cookies = secure.headers["set-cookie"]?.map((one) => one.replace(/; Secure$/, "!"));
  expect([secure.status, cookies]).toEqual([status, [expect.stringMatching(/SameSite=Lax!$/)]]);
});

it.each([
  ["http", "veza.test"],
  ["http", "acme.test"],
  ["https", "veza.test"],
] as const)(
  "the CA is answered on %s for %s, without the path in front of the token",
  async (scheme, host) => {
    const { status, body } = await ask(scheme, host, "/.well-known/acme-challenge/token-1");
    expect([status, body]).toEqual([200, "GET /token-1"]);
  },
);

it("metrics about certificates are found beside HAProxy's own", async () => {
  const metrics = async (path: string): Promise<string> => (await fetch(`http://${edge}:9100${path}`)).text();
  expect(await metrics("/metrics/certificates")).toBe("about certificates\n");
  expect(await metrics("/metrics")).toContain("haproxy_process_");
});

describe("a new certificate", () => {
  it("is used at once, under load, by the same process, and after a reload", async () => {
    expect((await tlsSession("veza.test")).serial).toBe(first.serial);
    const { worker } = await lab.processes();
    const load = startLoad({
      baseUrl: `https://${edge}`,
      tls: { serverName: "veza.test", ca: first.chain + second.chain },
      http: [
        { name: "kept", clients: 8, pinned: false, paths: ["/api/v1/whoami"], pace: { kind: "closed" } },
      ],
      maxSeconds: 60,
    });
    const newcomers = handshakes("veza.test");
    try {
      await atLeast(1_000, () => load.snapshot().http[0]?.requests ?? 0);
      await place(second);
      expect(await control(`use-certificate ${pem}`)).toBe(`haproxy uses ${pem}\nexit 0\n`);
      expect((await tlsSession("veza.test")).serial).toBe(second.serial);
      await atLeast(3_000, () => load.snapshot().http[0]?.requests ?? 0);
    } finally {
      const [report, { serials, failures }] = await Promise.all([load.stop(), newcomers.stop()]);
      expect(report.http[0]).toMatchObject({ failed: 0 });
      expect([failures, serials]).toEqual([[], [first.serial, second.serial]]);
    }
    expect((await lab.processes()).worker).toEqual(worker);
    await lab.shell("haproxy", "systemctl reload haproxy");
    expect((await lab.processes()).worker?.pid).not.toBe(worker?.pid);
    expect((await tlsSession("veza.test")).serial).toBe(second.serial);
  });

  it("that is in use already is left alone", async () => {
    expect(await control(`use-certificate ${pem}`)).toBe("exit 0\n");
  });

  it("with another one's key is refused, and what a killed run began is in nobody's way", async () => {
    const before = (await tlsSession("veza.test")).serial;
    await lab.write("haproxy", pem, first.chain + second.key);
    expect(await control(`use-certificate ${pem}`)).toMatch(
      /inconsistencies between private key.*\nexit 1\n$/,
    );
    expect((await tlsSession("veza.test")).serial).toBe(before);
    const other = `${certificateDirectory}/talas.test.pem`;
    expect(await lab.tell(`set ssl cert ${other} <<\n${first.chain}${first.key}\n`)).toMatch(
      /^Transaction created/,
    );
    await place(first);
    expect(await control(`use-certificate ${pem}`)).toMatch(/exit 0\n$/);
    expect((await tlsSession("veza.test")).serial).toBe(first.serial);
  });

  it.each(["reload", `use-certificate ${pem}`, `use-map ${issuedNamesMap}`, `remove-certificates /none.pem`])(
    "is not handed over while HAProxy reads its files, nor the other way round (%s)",
    async (words) => {
      const waited = await lab.shell(
        "haproxy",
        `flock /run/veza/haproxy.lock sleep 2 & sleep 0.5; /usr/local/lib/veza/haproxy-control ${words} >&2; jobs -r; wait`,
      );
      expect(waited).toBe("");
    },
  );

  it("of a name that HAProxy does not know yet is told apart, and served after the next reload", async () => {
    const unknown = `${certificateDirectory}/new.test.pem`;
    const { chain, key, serial } = await selfSigned("new.test");
    await lab.write("haproxy", unknown, chain + key);
    expect(await control(`use-certificate ${unknown} 2>&1 >/dev/null`)).toMatch(
      /^the running haproxy has no .*new\.test.*\nexit 3\n$/,
    );
    expect((await tlsSession("new.test")).serial).not.toBe(serial);
    expect(await control("reload")).toBe("exit 0\n");
    expect(await control(`use-certificate ${unknown}`)).toBe("exit 0\n");
    expect((await tlsSession("new.test")).serial).toBe(serial);
    await lab.shell("haproxy", `rm ${unknown}`);
  });

  it("that is too big for HAProxy's buffer is used by a reload", async () => {
    const names = Array.from(
      { length: 100 },
      (_, n) => `${"n".repeat(60)}.${"m".repeat(60)}.n${String(n)}.test`,
    );
    const big = await selfSigned("veza.test", ...names);
    expect((big.chain + big.key).length).toBeGreaterThan(16_384);
    await place(big);
    expect(await control(`use-certificate ${pem}`)).toMatch(
      /^haproxy uses .*, after a reload: .*\nexit 0\n$/,
    );
    expect((await tlsSession("veza.test")).serial).toBe(big.serial);
    await place(first);
    expect(await control(`use-certificate ${pem}`)).toBe(`haproxy uses ${pem}\nexit 0\n`);
  });

  it("is found by a HAProxy that did not run", async () => {
    await lab.shell("haproxy", "systemctl stop haproxy");
    await place(second);
    expect(await control(`use-certificate ${pem}`)).toMatch(/^haproxy does not run .*\nexit 0\n$/);
    await lab.shell("haproxy", "systemctl start haproxy");
    expect((await tlsSession("veza.test")).serial).toBe(second.serial);
  });
});

describe("the map of issued names", () => {
  const redirected = async (host: string): Promise<boolean> => (await ask("http", host, "/")).status === 301;
  const use = async (...names: readonly string[]): Promise<string> => {
    await lab.write("haproxy", issuedNamesMap, names.map((name) => `${name} 1\n`).join(""));
    return control(`use-map ${issuedNamesMap}`);
  };

  it("is followed at once, name by name", async () => {
    expect(await use("veza.test", "talas.test")).toBe(`haproxy uses ${issuedNamesMap}\nexit 0\n`);
    expect([await redirected("veza.test"), await redirected("talas.test")]).toEqual([true, true]);
    expect(await use("veza.test", "talas.test")).toBe("exit 0\n");
    expect(await use("talas.test")).toMatch(/exit 0\n$/);
    expect([await redirected("veza.test"), await redirected("talas.test")]).toEqual([false, true]);
    expect(await use()).toMatch(/exit 0\n$/);
    expect(await redirected("talas.test")).toBe(false);
  });

  it("may be longer than one of HAProxy's buffers", async () => {
    const names = Array.from({ length: 800 }, (_, n) => `name-number-${String(n)}.veza.test`);
    expect(await use(...names)).toMatch(/exit 0\n$/);
    expect([await redirected("name-number-799.veza.test"), await redirected("veza.test")]).toEqual([
      true,
      false,
    ]);
  });

  it("that HAProxy cannot read changes nothing", async () => {
    await lab.write("haproxy", issuedNamesMap, "veza.test 1\nwithout-a-value\n");
    expect(await control(`use-map ${issuedNamesMap}`)).toMatch(/Missing value for key.*\nexit 1\n$/);
    expect([await redirected("name-number-799.veza.test"), await redirected("veza.test")]).toEqual([
      true,
      false,
    ]);
    expect(await use("veza.test")).toMatch(/exit 0\n$/);
  });
});

async function place({ chain, key }: Certificate): Promise<void> {
  await lab.write("haproxy", pem, chain + key);
}

/** What haproxy-control says and ends with. */
async function control(words: string): Promise<string> {
  return lab.shell(
    "haproxy",
    `{ /usr/local/lib/veza/haproxy-control ${words}; } 2>&1 || failed=$?; echo "exit \${failed:-0}"`,
  );
}

/** What answers the CA, on a machine of its own, and what tells metrics. */
async function startSidecars(): Promise<void> {
  const echo =
    'import { createServer } from "node:http";\ncreateServer((q, s) => s.end(`${q.method} ${q.url}`)).listen(8888);\n';
  const metrics = '#!/bin/bash\nread -r _; printf "HTTP/1.0 200 OK\\r\\n\\r\\nabout certificates\\n"\n';
  await lab.write("apps", "/root/echo.mjs", echo);
  await lab.write("haproxy", "/root/metrics", metrics);
  await lab.shell("apps", "systemd-run -q node /root/echo.mjs");
  await lab.shell(
    "haproxy",
    "chmod +x /root/metrics; systemd-run -q socat TCP-LISTEN:8889,bind=127.0.0.1,fork,reuseaddr EXEC:/root/metrics",
  );
}

interface Handshakes {
  /** Ends them. Serials are those that were shown, in the order of their first time. */
  stop(): Promise<{ readonly serials: readonly string[]; readonly failures: readonly string[] }>;
}

/** Clients that come one after the other, each on a connection of its own. */
function handshakes(name: string): Handshakes {
  const serials = new Set<string>();
  const failures: string[] = [];
  let going = true;
  const come = async (): Promise<void> => {
    while (going) {
      await tlsSession(name).then(
        ({ serial }) => serials.add(serial),
        (error: unknown) => failures.push(String(error)),
      );
    }
  };
  const clients = Promise.all([come(), come()]);
  return {
    stop: async () => {
      going = false;
      await clients;
      return { serials: [...serials], failures };
    },
  };
}

async function atLeast(wanted: number, count: () => number): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (count() < wanted) {
    if (performance.now() > deadline) throw new Error(`${String(count())} of ${String(wanted)} within 30 s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
