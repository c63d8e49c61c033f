import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { certificateDirectory, placeholderOrganization } from "../../src/config/certificates.ts";
import { certificateVolume } from "../../src/letsencrypt/unit.ts";
import { startLoad } from "../../src/ops/load/start-load.ts";
import { edge, LetsencryptLab, machine, path } from "./letsencrypt-lab.ts";
import { newConnections } from "./support/new-connections.ts";
import { PlayedCa } from "./support/played-ca.ts";

const first = ["veza.test", "www.veza.test"];
const second = ["talas.test"];
const all = [...first, ...second];
/** What they become in the course of time. */
const longer = [...first, "m.veza.test"];
const otherKey = { names: second, keyType: "rsa" };
/** Answered by HAProxy itself. */
const monitor = "/.well-known/veza-edge";
/** ms */
const day = 86_400_000;

let lab: LetsencryptLab;
beforeAll(async () => {
  lab = await LetsencryptLab.open();
  await lab.configure([first, second]);
}, 300_000);
afterAll(() => lab.close(), 60_000);

/** How often somebody began to talk to Pebble, over all its starts. */
async function asked(): Promise<number> {
  return (await lab.pebble.log("GET /dir")).length;
}

/** Orders that Pebble took, over all its starts. */
async function orders(): Promise<number> {
  return (await lab.pebble.log("Added order")).length;
}

describe("a Pebble that is deployed again", () => {
  it("runs on when nothing of it changed, and anew when something did, also by an update that was killed", async () => {
    const root = await lab.pebble.root();
    await lab.deployPebble();
    expect(await lab.pebble.root()).toBe(root);
    await lab.deployPebble({ certificateSeconds: 89 * 86_400 }, "systemctl daemon-reload");
    expect(await lab.pebble.root()).toBe(root);
    await lab.deployPebble({ certificateSeconds: 89 * 86_400 });
    expect(await lab.pebble.root()).not.toBe(root);
  });
});

describe("an edge that has asked for nothing yet", () => {
  it("serves HTTP as it is, and shows placeholders over HTTPS", async () => {
    for (const name of all) {
      expect(await lab.overHttp(name)).toBe("200 ");
      expect(await lab.shown(name)).toMatchObject({ organization: placeholderOrganization, trusted: false });
    }
    const status = await lab.status();
    for (const [name] of [first, second]) {
      const asked = { state: "placeholder", lastAttempt: null, lastResult: "none", due: true };
      expect(status.get(name ?? "")).toMatchObject(asked);
    }
  });
});

describe("certificates that were issued", () => {
  it("are served for all their names, which are redirected but for the CA's questions", async () => {
    await lab.renew();
    for (const names of [first, second]) {
      for (const name of names) {
        const shown = await lab.shown(name);
        expect(shown).toMatchObject({ trusted: true, key: "EC" });
        expect([...shown.names].sort()).toEqual([...names].sort());
        expect(await lab.overHttp(name)).toBe(`301 https://${name}${path}`);
        expect(await lab.overHttp(name, "/.well-known/acme-challenge/nothing")).toBe("404 ");
      }
    }
  }, 60_000);

  it("are told of as they are", async () => {
    const status = await lab.status();
    expect([...status.values()].map(({ names }) => names)).toEqual([first, second]);
    for (const { name, notBefore, notAfter, lastAttempt, ...told } of status.values()) {
      expect(told).toMatchObject({ state: "issued", lastResult: "ok", error: "", due: false });
      expect(told.issuer).toMatch(/^Pebble Intermediate/);
      expect(told.serial.toUpperCase()).toBe((await lab.shown(name)).serial);
      expect(Number(notAfter) - Number(notBefore)).toBeCloseTo(89 * day, -4);
      expect(Date.now() - Number(lastAttempt)).toBeLessThan(120_000);
    }
  });

  it("lie on the volume together with the account, for root alone", async () => {
    const found = await lab.shell(
      `find ${certificateVolume} -name account_key.pem -printf '%m %f\\n' -o -path '*/issued/*.pem' -printf '%m %f\\n' | sort`,
    );
    expect(found).toBe("600 account_key.pem\n600 talas.test.pem\n600 veza.test.pem\n");
  });

  it("are not asked for again while nothing is due", async () => {
    const [before, questions] = [await lab.serials(...all), await asked()];
    await lab.renew();
    expect(await lab.serials(...all)).toEqual(before);
    expect(await asked()).toBe(questions);
  });

  it("are renewed without a request that fails, nor a reload, and stay after one", async () => {
    const [root, before, worker] = [await lab.pebble.root(), await lab.serials(...all), await lab.worker()];
    const kept = startLoad({
      baseUrl: `https://${edge}`,
      tls: { serverName: "veza.test", ca: root },
      maxSeconds: 60,
      http: [{ name: "kept", clients: 4, pinned: false, paths: [monitor], pace: { kind: "closed" } }],
    });
    const fresh = newConnections({ address: edge, names: all, path: monitor, root, clients: 4 });
    await lab.renew("--force");
    const [report, seen] = await Promise.all([kept.stop(), fresh.stop()]);
    const after = await lab.serials(...all);

    expect(report.http[0]).toMatchObject({ failed: 0, firstFailures: [] });
    expect(seen.failures).toEqual([]);
    expect(seen.requests + (report.http[0]?.requests ?? 0)).toBeGreaterThan(500);
    expect(new Set([...before, ...after]).size).toBe(4);
    // No name was ever shown with anything but its old certificate, and from some moment on its new one.
    expect(all.map((name) => seen.serials.get(name))).toEqual(all.map((_, n) => [before[n], after[n]]));
    expect(await lab.worker()).toBe(worker);

    await lab.shell("/usr/local/lib/veza/haproxy-control reload");
    expect(await lab.worker()).not.toBe(worker);
    expect(await lab.serials(...all)).toEqual(after);
  }, 90_000);
});

describe("a change of the config", () => {
  it("that adds a name has that one certificate issued, and the old one serves until then", async () => {
    const [before, had] = [await lab.serials(...all), await orders()];
    await lab.configure([longer, second]);
    expect(await lab.serials(...all)).toEqual(before);
    expect(await lab.overHttp("m.veza.test")).toBe("200 ");
    await lab.renew();
    expect(await lab.shown("m.veza.test")).toMatchObject({ trusted: true });
    expect(await lab.overHttp("m.veza.test")).toBe(`301 https://m.veza.test${path}`);
    expect(await lab.serials(...second)).toEqual(before.slice(2));
    expect(await orders()).toBe(had + 1);
  }, 60_000);

  it("to another type of key has that one certificate issued", async () => {
    const before = await lab.serials(...first);
    await lab.configure([longer, otherKey]);
    expect(await lab.shown("talas.test")).toMatchObject({ key: "EC" });
    await lab.renew();
    expect(await lab.shown("talas.test")).toMatchObject({ key: "RSA", trusted: true });
    expect(await lab.serials(...first)).toEqual(before);
  }, 60_000);

  it("that removes an entry retires its certificate, and one that brings it back asks for none", async () => {
    const [before, questions] = [await lab.serials(...second), await asked()];
    await lab.configure([longer]);
    expect(await lab.overHttp("talas.test")).toBe("200 ");
    expect((await lab.shown("talas.test")).names).toContain("veza.test");
    expect((await lab.shell(`ls ${certificateDirectory}`)).trim()).toBe("veza.test.pem");
    await lab.configure([longer, otherKey]);
    expect(await lab.serials(...second)).toEqual(before);
    await lab.renew();
    expect(await lab.overHttp("talas.test")).toBe(`301 https://talas.test${path}`);
    expect(await asked()).toBe(questions);
  }, 60_000);
});

describe("a name of three certificates that leads elsewhere", () => {
  const bad = ["bad.test"];
  beforeAll(() => lab.configure([longer, bad, otherKey]), 60_000);

  it.each([
    ["to another address", { a: ["203.0.113.9"] }, /203\.0\.113\.9/],
    ["to another address, too", { a: [edge, "203.0.113.9"] }, /203\.0\.113\.9/],
    ["over IPv6", { aaaa: ["2001:db8::9"] }, /2001:db8::9/],
  ])("%s is not asked for, and said", async (_, addresses, found) => {
    const questions = await asked();
    await lab.pebble.resolve("bad.test", addresses);
    const { exitCode, said } = await lab.certificates("renew");
    expect({ exitCode, said }).toMatchObject({ exitCode: 1 });
    expect(said).toMatch(/bad\.test/);
    expect(said).toMatch(found);
    expect(said).toContain(edge);
    expect(await asked()).toBe(questions);
    expect((await lab.status()).get("bad.test")).toMatchObject({
      state: "placeholder",
      lastResult: "failed",
    });
  });

  it("that cannot be looked up is not asked for, and said", async () => {
    const questions = await asked();
    await lab.pebble.resolve("bad.test");
    await lab.pebble.failToResolve("bad.test");
    const { exitCode, said } = await lab.certificates("renew");
    expect({ exitCode, said }).toMatchObject({ exitCode: 1 });
    expect(said).toMatch(/bad\.test.*SERVFAIL/);
    expect(await asked()).toBe(questions);
  });

  it("leaves the others trusted, and is served over HTTP itself", async () => {
    for (const name of all) expect(await lab.shown(name)).toMatchObject({ trusted: true });
    expect(await lab.overHttp("bad.test")).toBe("200 ");
    expect(await lab.shown("bad.test")).toMatchObject({ organization: placeholderOrganization });
  });

  it("gets its certificate when it leads to the edge, however often it did not", async () => {
    expect((await lab.certificates("renew")).exitCode).toBe(1);
    await lab.pebble.failToResolve("bad.test", false);
    await lab.renew();
    expect(await lab.shown("bad.test")).toMatchObject({ trusted: true });
    expect(await lab.overHttp("bad.test")).toBe(`301 https://bad.test${path}`);
  }, 60_000);
});

describe("a CA", () => {
  beforeAll(() => lab.configure([longer, otherKey]), 60_000);

  it("that does not answer costs no certificate, and is asked again without hands when it does", async () => {
    const [root, before] = [await lab.pebble.root(), await lab.shown("talas.test")];
    await lab.pebble.stop();
    const failed = await lab.certificates("renew", "--force", "talas.test");
    expect(failed).toMatchObject({ exitCode: 1 });
    expect(failed.said).toMatch(/talas\.test: the CA does not accept connections.*10\.77\.0\.131/);
    expect(await lab.shown("talas.test", root)).toEqual(before);
    // A Pebble that was started anew knows no account and has another root.
    await lab.pebble.restart();
    await lab.renew("--force", "talas.test");
    expect(await lab.shown("talas.test")).toMatchObject({ trusted: true });
  }, 90_000);

  it("that does not know the account is given another one", async () => {
    // What a registration leaves that was cut off between making its key and telling the CA.
    await lab.shell(
      `cd ${certificateVolume}/accounts && for one in *; do openssl ecparam -genkey -name prime256v1 -noout -out "$one/account_key.pem" && rm -f "$one"/*.json; done`,
    );
    const listed = [...(await lab.status()).keys()];
    await lab.renew("--force", "talas.test");
    expect(await lab.shown("talas.test")).toMatchObject({ trusted: true });
    expect([...(await lab.status()).keys()]).toEqual(listed);
  }, 60_000);

  it("that has stopped to answer is waited for no longer than its limit", async () => {
    const before = await lab.serials(...all);
    await lab.configure([longer, otherKey], { timeoutSeconds: 10 });
    await lab.pebble.freeze();
    const begun = performance.now();
    const { exitCode, said } = await lab.certificates("renew", "--force", "talas.test");
    const seconds = (performance.now() - begun) / 1_000;
    await lab.pebble.goOn();
    expect({ exitCode, said }).toMatchObject({ exitCode: 1 });
    expect(said).toMatch(/talas\.test: .*10 s/);
    expect(seconds).toBeLessThan(20);
    expect(await lab.serials(...all)).toEqual(before);
    await lab.configure([longer, otherKey]);
    await lab.renew("--force", "talas.test");
    expect(await lab.shown("talas.test")).toMatchObject({ trusted: true });
  }, 90_000);

  it("that refuses a name is quoted, and asked four times in an hour at most", async () => {
    await lab.pebble.restart({ blocked: ["blocked.test"] });
    await lab.configure([longer, otherKey, ["blocked.test"]]);
    const tries: { readonly wasAsked: boolean; readonly said: string }[] = [];
    for (const force of [[], [], [], [], [], [], ["--force", "blocked.test"]]) {
      const before = await asked();
      const { exitCode, said } = await lab.certificates("renew", ...force);
      expect({ exitCode, said }).toMatchObject({ exitCode: 1 });
      tries.push({ wasAsked: (await asked()) > before, said });
    }
    expect(tries.map(({ wasAsked }) => wasAsked)).toEqual([true, true, true, true, false, false, true]);
    expect(tries[0]?.said).toMatch(/blocked\.test: .*policy/);
    expect(tries[4]?.said).toMatch(/blocked\.test: 4 attempts .*before \d{4}-\d\d-\d\dT\d\d:\d\d.*policy/);
    expect(await lab.overHttp("blocked.test")).toBe("200 ");
  }, 90_000);

  it("that names a time is not asked before, not even by force", async () => {
    const limited = { status: 429, type: "rateLimited", detail: "too many certificates already issued" };
    const ca = await PlayedCa.open(machine, lab.listener, { ...limited, headers: { "Retry-After": "15" } });
    try {
      // Certificates of the CA before stay in service until the new one has given others.
      const before = await lab.serials(...all);
      await lab.configure([longer], { directory: ca.directory });
      const refused = await lab.certificates("renew");
      expect(refused).toMatchObject({ exitCode: 1 });
      expect(refused.said).toMatch(/veza\.test: .*too many certificates already issued/);
      for (const words of [[], ["--force"]])
        expect(await lab.certificates("renew", ...words)).toMatchObject({ exitCode: 1 });
      expect(ca.orders).toBe(1);
      expect(await lab.serials(...first)).toEqual(before.slice(0, 2));
      await new Promise((resolve) => setTimeout(resolve, 16_000));
      await lab.certificates("renew");
      expect(ca.orders).toBe(2);
    } finally {
      await ca.close();
    }
  }, 90_000);
});
