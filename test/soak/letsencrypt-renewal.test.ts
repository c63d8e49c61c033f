import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { setTimeout as delay } from "node:timers/promises";
import { certificateProgram, certificateVolume } from "../../src/letsencrypt/unit.ts";
import { startLoad } from "../../src/ops/load/start-load.ts";
import { edge, LetsencryptLab } from "../lab/letsencrypt-lab.ts";
import { newConnections } from "../lab/support/new-connections.ts";
import { until } from "../lab/support/until.ts";

const names = ["veza.test", "www.veza.test"];
/** Answered by HAProxy itself. */
const path = "/.well-known/veza-edge";
/** Seconds that certificates are valid for, of which a third is left when they are renewed. */
const validity = 90;
const everySeconds = 5;

describe("certificates that are valid for a minute and a half", () => {
  let lab: LetsencryptLab;
  beforeAll(async () => {
    lab = await LetsencryptLab.open(validity);
    const renewal = { schedule: `*:*:0/${String(everySeconds)}`, jitterSeconds: 0 };
    await lab.configure([names], { renewal });
  }, 300_000);
  afterAll(() => lab.close(), 60_000);

  /** Waits for the next certificate, and returns how old the one before had become, in seconds. */
  async function replacedAfter(): Promise<number> {
    const { serial, begun } = await current();
    for (;;) {
      const next = await current();
      if (next.serial !== serial) return (next.begun - begun) / 1_000;
      if (Date.now() > begun + validity * 1_000) throw new Error("the certificate expired");
      await delay(500);
    }
  }

  async function current(): Promise<{ serial: string; begun: number }> {
    const { serial = "", notBefore = null } = (await lab.status()).get("veza.test") ?? {};
    return { serial, begun: Number(notBefore) };
  }

  it("are renewed by the timer alone when a third is left, and not before, while nobody notices", async () => {
    await lab.renew();
    const root = await lab.pebble.root();
    const kept = startLoad({
      baseUrl: `https://${edge}`,
      tls: { serverName: "veza.test", ca: root },
      maxSeconds: 300,
      http: [
        { name: "kept", clients: 2, pinned: false, paths: [path], pace: { kind: "rate", perSecond: 50 } },
      ],
    });
    const fresh = newConnections({ address: edge, names, path, root, clients: 1 });
    const ages = [await replacedAfter(), await replacedAfter(), await replacedAfter()];
    const [report, seen] = await Promise.all([kept.stop(), fresh.stop()]);
    for (const age of ages) {
      expect(age).toBeGreaterThanOrEqual((validity * 2) / 3 - 1);
      // The next look, and what dehydrated needs.
      expect(age).toBeLessThan((validity * 2) / 3 + everySeconds + 15);
    }
    expect(seen.failures).toEqual([]);
    expect(seen.serials.get("veza.test")).toHaveLength(4);
    expect(report.http[0]).toMatchObject({ failed: 0, firstFailures: [] });
  }, 400_000);

  it("are renewed at a CA that was started anew and knows nobody", async () => {
    await lab.pebble.restart();
    const age = await replacedAfter();
    expect(age).toBeLessThan(validity);
    expect(await lab.shown("veza.test")).toMatchObject({ trusted: true });
  }, 200_000);
});

describe("certificates that are renewed again and again", () => {
  let lab: LetsencryptLab;
  const second = ["talas.test", "www.talas.test"];
  const all = [...names, ...second];
  beforeAll(async () => {
    lab = await LetsencryptLab.open();
    await lab.configure([names, second]);
    await lab.renew();
  }, 300_000);
  afterAll(() => lab.close(), 60_000);

  it("cost none of 40,000 requests, half of them over connections of their own", async () => {
    const [root, worker] = [await lab.pebble.root(), await lab.worker()];
    const kept = startLoad({
      baseUrl: `https://${edge}`,
      tls: { serverName: "veza.test", ca: root },
      maxSeconds: 500,
      http: [
        { name: "kept", clients: 4, pinned: false, paths: [path], pace: { kind: "rate", perSecond: 200 } },
      ],
    });
    const fresh = newConnections({ address: edge, names: all, path, root, clients: 4 });
    const sent = (): number => kept.snapshot().http[0]?.requests ?? 0;
    let renewals = 0;
    while (fresh.requests() < 20_000 || sent() < 20_000) {
      await lab.renew("--force");
      renewals += 1;
    }
    const [report, seen] = await Promise.all([kept.stop(), fresh.stop()]);
    expect(report.http[0]).toMatchObject({ failed: 0, firstFailures: [] });
    expect(seen.failures).toEqual([]);
    for (const name of all) expect(seen.serials.get(name)).toHaveLength(renewals + 1);
    expect(await lab.worker()).toBe(worker);
  }, 560_000);

  it("go on against a CA that refuses nine of ten nonces", async () => {
    await lab.pebble.restart({ environment: { PEBBLE_WFE_NONCEREJECT: 90 } });
    await lab.configure([names, second], { timeoutSeconds: 300 });
    const [before] = await lab.serials("talas.test");
    await lab.shell(`systemd-run -q ${certificateProgram} renew --force talas.test`);
    await until("talas.test is renewed", async () => (await lab.serials("talas.test"))[0] !== before, 320);
    expect(await lab.shown("talas.test")).toMatchObject({ trusted: true });
    const refused = await lab.shell(`grep -c badNonce ${certificateVolume}/attempts/*/talas.test.log`);
    expect(Number(refused)).toBeGreaterThan(20);
  }, 360_000);
});
