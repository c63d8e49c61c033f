import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { InstallLab } from "../lab/letsencrypt-install-lab.ts";

describe("a certificate on its way to HAProxy", () => {
  let lab: InstallLab;
  beforeAll(async () => {
    lab = await InstallLab.open();
    await lab.program({ certificates: [{ names: ["a.test", "www.a.test"] }] });
    await lab.placeholders();
    await lab.haproxy();
    await lab.make("one", "a.test www.a.test");
    await lab.make("two", "a.test www.a.test");
    expect(await lab.deploy("a.test", "one")).toEqual({ exitCode: 0, said: "" });
  }, 300_000);

  afterAll(() => lab.close(), 60_000);

  it("is served old or new after a kill at any of its commands, and new after the next install", async () => {
    const [kills = 0, changes = 0, restarts = 0] = await lab.killEverywhere("a.test", "one", "two", "all");
    expect(kills).toBeGreaterThan(500);
    expect(changes).toBeGreaterThan(100);
    expect(restarts).toBeGreaterThan(10);
  }, 1_300_000);
});
