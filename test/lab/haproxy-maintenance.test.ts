import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { challengePrefix, issuedNamesMap } from "../../src/config/certificates.ts";
import { closedMap } from "../../src/config/maintenance.ts";
import { longestPage, readMaintenancePage } from "../../src/haproxy/maintenance-page.ts";
import { monitorPath } from "../../src/haproxy/model.ts";
import type { Certificates } from "../../src/haproxy/tls.ts";
import { closeStack, openStack } from "../../src/ops/maintenance/maintenance.ts";
import type { MaintenanceSite } from "../../src/ops/maintenance/site.ts";
import { judge, look } from "../../src/ops/maintenance/state.ts";
import { applications, edge, edgePlace, HaproxyLab, until } from "./haproxy-lab.ts";
import { selfSigned } from "./haproxy-tls-client.ts";
import { heard, type Heard } from "./support/maintenance-talk.ts";

const site: MaintenanceSite = {
  stack: "test",
  project: edgePlace.project,
  loadBalancers: [{ name: edgePlace.name, host: "main" }],
  services: [],
  host: () => ({ connection: "local" }),
};
const certificates: Certificates = {
  kind: "issued",
  primaryNames: ["edge.test"],
  challenge: { address: "127.0.0.1", port: 8888 },
  metricsPort: 8889,
};
/** This machine's address on the bridge. */
const operator = "10.77.0.1";
const config = { slowStartSeconds: 1, maintenance: { allow: [operator], retryAfterSeconds: 120 } };

let lab: HaproxyLab;
beforeAll(async () => {
  lab = await HaproxyLab.open();
  const { chain, key } = await selfSigned("edge.test");
  await lab.certify(chain + key);
  await lab.write("haproxy", issuedNamesMap, "edge.test 1\n");
  const answer =
    "while read -r line && [ \"$line\" != $'\\r' ]; do :; done; printf 'HTTP/1.0 200 OK\\r\\n\\r\\ntoken'";
  await lab.write("haproxy", "/root/challenge.sh", answer);
  await lab.shell(
    "haproxy",
    "systemd-run -q --unit challenge socat TCP-LISTEN:8888,bind=127.0.0.1,fork,reuseaddr EXEC:'bash /root/challenge.sh'",
  );
}, 300_000);
afterAll(() => lab.close(), 60_000);

async function close(...allow: readonly string[]): Promise<Heard> {
  return heard((talk) => closeStack(site, { allow, keepServices: false }, talk));
}

async function open(): Promise<Heard> {
  return heard((talk) => openStack(site, { force: false }, talk));
}

/** What is answered to this machine, whose address config allows, or to a client in the applications' container. */
async function asked(from: "operator" | "client", url = "http://edge.test/api/v1/whoami", more = "") {
  const resolve = ["80", "443"].map((port) => `--resolve edge.test:${port}:${edge}`).join(" ");
  const line = `curl -sk -D - --max-time 5 ${resolve} ${more} '${url}'`;
  const said = from === "client" ? await lab.shell("apps", line) : (await execa("bash", ["-c", line])).stdout;
  const [head = "", ...body] = said.replaceAll("\r", "").split("\n\n");
  const [first = "", ...lines] = head.split("\n");
  const headers = Object.fromEntries(
    lines.map((one) => [one.slice(0, one.indexOf(":")).toLowerCase(), one.slice(one.indexOf(":") + 2)]),
  );
  return { status: Number(first.split(" ")[1]), headers, body: body.join("\n\n") };
}

const statusFor = async (from: "operator" | "client", url?: string): Promise<number> =>
  (await asked(from, url)).status;
const secure = "https://edge.test/api/v1/whoami";

describe("a load balancer in maintenance", () => {
  it("that has a configuration from before it knew of any is named, and left as it is", async () => {
    expect(await close()).toEqual({
      done: false,
      lines: [
        `✗ ${edgePlace.name}: its configuration knows no maintenance yet, so it was left as it is: bin/pulumi up brings it`,
      ],
    });
    await lab.deploy(config, {}, certificates);
    expect([await statusFor("client"), await statusFor("client", secure)]).toEqual([301, 200]);
    expect(judge(await look(site))).toEqual({ verdict: "open", problems: [] });
  }, 60_000);

  it("shows clients a page, on HTTP and HTTPS, and says when to come back", async () => {
    expect(await close()).toEqual({
      done: true,
      lines: [`${edgePlace.name}: answers 503 to everybody but who config allows`],
    });
    for (const url of ["http://edge.test/stream/1/2", secure]) {
      const { status, headers, body } = await asked("client", url);
      expect([status, body]).toEqual([503, expect.stringContaining("<h1>A short pause</h1>")]);
      expect(headers).toMatchObject({
        "content-type": "text/html; charset=utf-8",
        "retry-after": "120",
        "cache-control": "no-store",
        "x-request-id": expect.stringMatching(/^[0-9a-f-]{36}$/),
      });
    }
    expect((await asked("client", secure)).headers["strict-transport-security"]).toBe("max-age=63072000");
    const head = await asked("client", secure, "--head");
    expect([head.status, head.body.trim()]).toEqual([503, ""]);
    expect((await asked("client", secure, "--request POST --data a=b")).status).toBe(503);
  }, 60_000);

  it("serves who is allowed by config, and answers the CA and who watches it", async () => {
    expect([await statusFor("operator"), await statusFor("operator", secure)]).toEqual([301, 200]);
    expect((await asked("client", `http://edge.test${challengePrefix}x`)).body).toBe("token");
    expect(await statusFor("client", `http://edge.test${monitorPath}`)).toBe(200);
  });

  it("serves who is allowed by the operator, until another word", async () => {
    expect((await close(`${applications}/32`, "192.0.2.0/24")).done).toBe(true);
    expect(await statusFor("client", secure)).toBe(200);
    expect((await look(site)).loadBalancers).toMatchObject([
      { live: { closed: true, allow: [`${applications}/32`, "192.0.2.0/24"] }, allowedByConfig: [operator] },
    ]);
    expect((await close()).done).toBe(true);
    expect(await statusFor("client", secure)).toBe(503);
  }, 30_000);

  it.each([
    ["a reload", () => lab.shell("haproxy", "systemctl reload haproxy")],
    ["a restart", () => lab.shell("haproxy", "systemctl restart haproxy")],
    ["a boot", () => lab.reboot("haproxy")],
    [
      "another configuration",
      () => lab.deploy({ ...config, timeouts: { queueSeconds: 6 } }, {}, certificates),
    ],
  ])(
    "stays in it over %s",
    async (_, event) => {
      await event();
      await until("it answers", 20, async () => (await statusFor("client", secure).catch(() => 0)) !== 0);
      expect([await statusFor("client", secure), await statusFor("operator", secure)]).toEqual([503, 200]);
      expect(judge(await look(site))).toEqual({ verdict: "closed", problems: [] });
    },
    90_000,
  );

  it("shows a page of the stack's own, as large as it may be", async () => {
    const directory = await mkdtemp(join(tmpdir(), "veza-page-"));
    const path = join(directory, "page.html");
    const longest = longestPage({ headerBytes: 16_384 });
    await writeFile(path, "<p>Back at nine.</p>".padEnd(longest - 1));
    const page = readMaintenancePage(path);
    await rm(directory, { recursive: true });
    await lab.deploy(config, {}, certificates, page);
    const { status, body } = await asked("client", secure);
    expect([status, body.length, body.trimEnd()]).toEqual([503, longest, "<p>Back at nine.</p>"]);
  }, 60_000);

  it("whose HAProxy does not run is closed from its start", async () => {
    await open();
    await lab.shell("haproxy", "systemctl stop haproxy");
    expect((await close()).lines).toEqual([
      expect.stringMatching(/haproxy does not run \(inactive\/dead\): it reads .* when it starts/),
    ]);
    expect(judge(await look(site)).problems).toEqual([expect.stringContaining("its HAProxy does not run")]);
    await lab.shell("haproxy", "systemctl start haproxy");
    expect(await statusFor("client", secure)).toBe(503);
  }, 60_000);

  it("lets everybody in again, once and for all, however often it is said", async () => {
    for (let time = 0; time < 2; time++)
      expect(await open()).toEqual({ done: true, lines: [`${edgePlace.name}: serves its clients`] });
    expect(await statusFor("client", secure)).toBe(200);
    await lab.shell("haproxy", `systemctl restart haproxy; ! test -e ${closedMap}`);
    await until("it answers", 20, async () => (await statusFor("client", secure)) === 200);
    expect(judge(await look(site))).toEqual({ verdict: "open", problems: [] });
  }, 60_000);
});

describe("a maintenance of which not all can be done", () => {
  const gone = { name: "haproxy-test-gone", host: "main" };
  it("does the rest and names what is missing", async () => {
    const two = { ...site, loadBalancers: [gone, ...site.loadBalancers] };
    const ended = await heard((talk) => closeStack(two, { allow: [], keepServices: true }, talk));
    expect(ended.done).toBe(false);
    expect(ended.lines).toContain("✗ haproxy-test-gone: this container is not there: bin/pulumi up makes it");
    expect(await statusFor("client", secure)).toBe(503);
    expect(judge(await look(two))).toMatchObject({
      verdict: "closed",
      problems: [expect.stringContaining("haproxy-test-gone does not say what is so")],
    });
    expect((await open()).done).toBe(true);
  }, 60_000);
});
