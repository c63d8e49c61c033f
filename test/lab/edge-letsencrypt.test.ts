import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect, type PeerCertificate } from "node:tls";
import { changed } from "../../tools/verbs/pulumi.ts";
import { selfSigned } from "./haproxy-tls-client.ts";
import { edgeAddress, publishedHttpsPort, publishedPort, subnet } from "./support/edge-config.ts";
import { LabStack } from "./support/stack.ts";

const pebble = `${subnet}.40`;
const first = ["veza.test", "www.veza.test"];
const second = ["talas.test", "www.talas.test"];

let stack: LabStack;

interface Choices {
  readonly certificates?: readonly (readonly string[])[];
  readonly volumes?: "keep" | "remove";
  /** PEM file that takes the place of issued certificates. */
  readonly brought?: string;
}

async function configure({
  certificates = [first, second],
  volumes = "keep",
  brought,
}: Choices = {}): Promise<void> {
  const letsencrypt = {
    contact: "ops@veza.test",
    publicAddresses: [edgeAddress],
    certificates: certificates.map((names) => ({ names: [...names] })),
    pebble: { address: pebble },
  };
  await stack.configure({
    api: [1],
    loadBalancer: {
      instances: [{ address: edgeAddress, publish: [{ http: publishedPort, https: publishedHttpsPort }] }],
      ...(brought !== undefined && { tls: { certificate: brought } }),
    },
    rest: { volumes, ...(brought === undefined && { letsencrypt }) },
  });
}

beforeAll(async () => {
  stack = await LabStack.open();
  await configure();
  await stack.up();
}, 300_000);
afterAll(() => stack.close(), 120_000);

async function curl(...words: readonly string[]): Promise<string> {
  const { stdout } = await execa("curl", ["-s", "--max-time", "10", ...words], { stdin: "ignore" });
  return stdout;
}

/** The root that Pebble signs with; another one after each of its starts. */
async function root(): Promise<string> {
  return curl("-k", `https://${pebble}:15000/roots/0`);
}

/** The certificate that is shown under a name. @param ca believe nobody else; undefined: believe everybody */
async function shown(name: string, ca?: string): Promise<PeerCertificate> {
  const { promise, resolve, reject } = Promise.withResolvers<PeerCertificate>();
  const trust = ca === undefined ? { rejectUnauthorized: false } : { ca };
  const socket = connect({ host: edgeAddress, port: 443, servername: name, timeout: 10_000, ...trust });
  socket
    .once("secureConnect", () => resolve(socket.getPeerCertificate()))
    .once("timeout", () => reject(new Error(`${name}: no handshake within 10 s`)))
    .once("error", reject);
  return promise.finally(() => socket.destroy());
}

async function serials(): Promise<readonly string[]> {
  return Promise.all([first, second].map(async ([name = ""]) => (await shown(name)).serialNumber));
}

/** PEM files that HAProxy has read. */
async function loaded(): Promise<readonly string[]> {
  const answer = await stack.incus.shell(
    "haproxy",
    "echo 'show ssl cert' | socat -t 5 - UNIX-CONNECT:/run/haproxy/admin.sock",
  );
  return [...answer.matchAll(/^\/.*\/([^/]+)$/gm)].flatMap(([, file]) => file ?? []).sort();
}

/** Status and target of the redirect that plain HTTP answers with, as `301 https://…`; `200 ` for an answer. */
async function overHttp(name: string, path = "/api/v1/health"): Promise<string> {
  const to = `${name}:${String(publishedPort)}:127.0.0.1`;
  const words = ["-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", "--resolve", to];
  return curl(...words, `http://${name}:${String(publishedPort)}${path}`);
}

/** Orders that Pebble has had since it was started. */
async function orders(): Promise<number> {
  const counted = await stack.incus.shell(
    "pebble",
    "journalctl -u pebble -o cat | grep -c 'POST /order-plz' || :",
  );
  return Number(counted);
}

/** Has Pebble's DNS server, which the edge asks too, answer with another address than the edge's. */
async function resolveElsewhere(name: string, address: string): Promise<void> {
  await curl(
    "--data",
    JSON.stringify({ host: `${name}.`, addresses: [address] }),
    `http://${pebble}:8055/add-a`,
  );
}
async function resolveToEdge(name: string): Promise<void> {
  await curl("--data", JSON.stringify({ host: `${name}.` }), `http://${pebble}:8055/clear-a`);
}

describe("an edge whose names get certificates", () => {
  it("serves every name with the CA's certificate, each with its own", async () => {
    const ca = await root();
    for (const names of [first, second]) {
      for (const name of names) {
        const { subjectaltname } = await shown(name, ca);
        expect(subjectaltname?.split(", ").sort()).toEqual(names.map((one) => `DNS:${one}`).sort());
      }
    }
  });

  it("redirects those names to the HTTPS port that belongs to the HTTP port, and serves addresses as they are", async () => {
    for (const name of [...first, ...second]) {
      expect(await overHttp(name)).toBe(`301 https://${name}:${String(publishedHttpsPort)}/api/v1/health`);
      expect(await overHttp(name, "/.well-known/acme-challenge/nothing")).toBe("404 ");
    }
    const plain = ["-o", "/dev/null", "-w", "%{http_code}"];
    expect(await curl(...plain, `http://127.0.0.1:${String(publishedPort)}/api/v1/health`)).toBe("200");
  });

  it("has nothing to do in a second update, nor in a preview", async () => {
    const before = await serials();
    expect(changed((await stack.up()).changes)).toBe(0);
    expect(changed(await stack.preview())).toBe(0);
    expect(await serials()).toEqual(before);
  }, 120_000);

  it("tells how many days are left", async () => {
    const [loadBalancer] = (await stack.outputs()).loadBalancers;
    const metrics = await curl(loadBalancer?.certificateMetrics ?? "");
    const days = [...metrics.matchAll(/^veza_certificate_days_left\{name="([^"]+)"\} (\S+)$/gm)];
    expect(days.map(([, name]) => name).sort()).toEqual(["talas.test", "veza.test"]);
    for (const [, , left] of days) expect(Math.round(Number(left))).toBe(90);
  });
});

describe("a name that leads elsewhere", () => {
  it("fails the update with the reason, and the other names are served", async () => {
    await resolveElsewhere("bad.test", "192.0.2.66");
    const before = await serials();
    const asked = await orders();
    await configure({ certificates: [first, ["bad.test"], second] });
    const { exitCode, said } = await stack.tryUp();
    expect(exitCode).not.toBe(0);
    expect(said).toMatch(/bad\.test.*192\.0\.2\.66/);
    expect(said).toContain(edgeAddress);
    expect(await serials()).toEqual(before);
    expect(await orders()).toBe(asked);
    // What it has is not trusted, so nobody is sent there.
    expect((await shown("bad.test")).subject).toMatchObject({ O: "veza-edge placeholder" });
    expect(await overHttp("bad.test")).toBe("200 ");
  }, 120_000);

  it("gets its certificate in the update after it was mended, and only that one is asked for", async () => {
    await resolveToEdge("bad.test");
    const before = await serials();
    const asked = await orders();
    await stack.up();
    expect((await shown("bad.test", await root())).subjectaltname).toBe("DNS:bad.test");
    expect(await serials()).toEqual(before);
    expect(await orders()).toBe(asked + 1);
  }, 120_000);
});

describe("an edge whose certificates come from elsewhere", () => {
  it("serves those, and its own again when they come back, in one update each", async () => {
    const before = await serials();
    const file = join(stack.directory, "edge.pem");
    const { chain, key, serial } = await selfSigned(...first, ...second);
    await writeFile(file, chain + key);
    await configure({ brought: file });
    await stack.up();
    expect(await serials()).toEqual([serial, serial]);
    expect(await loaded()).toEqual(["edge.pem"]);
    await configure();
    await stack.up();
    expect(await serials()).toEqual(before);
    expect(await loaded()).toEqual(["talas.test.pem", "veza.test.pem"]);
  }, 240_000);
});

describe("an edge that was destroyed with its volumes kept", () => {
  it("has its certificates again in the next update, and asks for none", async () => {
    await configure();
    await stack.up();
    const before = await serials();
    const { exitCode, said } = await stack.destroy();
    expect({ exitCode, said }).toMatchObject({ exitCode: 0 });
    expect(await stack.incus.containers()).toEqual([]);
    expect(said).toMatch(/volume .* was kept/);
    await stack.up();
    expect(await serials()).toEqual(before);
    expect(await orders()).toBe(0);
  }, 240_000);

  it("is gone whole when its volumes are not to be kept", async () => {
    await configure({ volumes: "remove" });
    await stack.up();
    expect((await stack.destroy()).exitCode).toBe(0);
    expect(await stack.incus.exists()).toBe(false);
  }, 240_000);
});
