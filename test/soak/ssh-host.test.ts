import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { SecondMachine } from "../lab/support/second-machine/machine.ts";
import { Staging } from "../lab/support/second-machine/staging.ts";
import { until } from "../lab/support/until.ts";

let staging: Staging;
let machine: SecondMachine;
beforeAll(async () => {
  // The machine builds its images itself here; that takes it a minute each.
  staging = await Staging.open([]);
  machine = staging.machine;
}, 1_200_000);
afterAll(() => staging.close(), 120_000);

const isGreen = (container: string): Promise<boolean> => staging.runsWith("COLOUR=green", container);

describe("a host that is reached as a user with sudo", () => {
  it("gets the whole stack, images included, with the key in an agent", async () => {
    await machine.withAgent(async (socket) => {
      staging.environment["SSH_AUTH_SOCK"] = socket;
      await staging.configure({ user: machine.loginUser });
      expect((await staging.up()).changes["create"]).toBeGreaterThan(15);
      expect(await staging.changesOfUpdate()).toBe("");
    });
    delete staging.environment["SSH_AUTH_SOCK"];
    expect(await staging.serves()).toBe(true);
    expect(await machine.shell(`ls -A /home/${machine.loginUser} | grep veza-upload || :`)).toBe("");
  }, 1_500_000);

  it("is the same host when it is reached as root with another key from now on", async () => {
    await staging.setKey(machine.keyFile);
    await staging.configure();
    const { said } = await staging.up();
    expect(said).not.toContain("did not end well");
    expect(await staging.changesOfUpdate()).toBe("");
  }, 300_000);
});

describe("the failover drill of a deployed stack on another machine", () => {
  it("keeps every promise", async () => {
    const words = ["--stack", staging.stack, "--url", staging.url(), "--ca", staging.caFile, "--json"];
    await machine.withAgent(async (socket) => {
      staging.environment["SSH_AUTH_SOCK"] = socket;
      const { stdout, stderr, exitCode } = await staging.veza("drill", "failover", ...words);
      expect({ exitCode, report: JSON.parse(stdout || "{}") as unknown, stderr }).toMatchObject({
        exitCode: 0,
        report: { kept: true },
      });
    });
    delete staging.environment["SSH_AUTH_SOCK"];
  }, 300_000);
});

describe("an update that is disturbed on the host's side", () => {
  it("converges after the network was gone for a while", async () => {
    await staging.configure({ environment: { COLOUR: "green" } });
    const update = staging.startUp();
    await update.says(/backend-api-1-rollout-apply updating/);
    await machine.cutSsh("until pgrep -f '[i]ncus exec backend-api-1' >/dev/null; do sleep 0.05; done");
    const { exitCode, said } = await update.ended;
    await machine.mendSsh();
    expect(said).toMatch(/no sign of life for|after 4 failed attempts/);
    expect(exitCode).not.toBe(0);

    await staging.up();
    expect(await staging.changesOfUpdate()).toBe("");
    expect([await isGreen("backend-api-1"), await isGreen("backend-api-2")]).toEqual([true, true]);
  }, 600_000);

  it("converges after Incus was restarted in the middle", async () => {
    await staging.configure({ environment: { COLOUR: "red" } });
    const update = staging.startUp();
    await update.says(/backend-api-1-rollout-apply updating/);
    await machine.shell(
      "until pgrep -f '[i]ncus exec backend-api-1' >/dev/null; do sleep 0.05; done; systemctl restart incus",
    );
    await update.ended;

    await staging.configure({ environment: { COLOUR: "green" } });
    await staging.up();
    expect(await staging.changesOfUpdate()).toBe("");
    expect([await isGreen("backend-api-1"), await isGreen("backend-api-2")]).toEqual([true, true]);
    expect(await staging.serves()).toBe(true);
  }, 600_000);
});

describe("a container that is gone", () => {
  it("comes back complete, with its artifact from the host, also long after the upload", async () => {
    await machine.shell(`systemd-tmpfiles --clean; find /root /var/tmp -name 'veza*' -delete`);
    await machine.incus("delete", "--force", "backend-api-2", "--project", "veza-staging");
    await staging.up();
    await until("backend-api-2 is back", () => isGreen("backend-api-2"), 60);
    expect(await staging.changesOfUpdate()).toBe("");
  }, 300_000);

  it("needs the artifact to be brought again where that was removed too, and the message says how", async () => {
    await machine.shell("rm -r /var/lib/veza/artifacts");
    await machine.incus("delete", "--force", "backend-api-2", "--project", "veza-staging");
    const { said } = await staging.startUp().ended;
    expect(said).toContain("bin/pulumi up --replace '**-artifact-**'");
    await staging.startUp("--replace", "**-artifact-**").ended;
    await staging.up();
    await until("backend-api-2 is back", () => isGreen("backend-api-2"), 60);
  }, 300_000);
});

describe("destroying the stack", () => {
  it("leaves nothing on the host but images", async () => {
    const { failed, all } = await staging.pulumi("destroy", "--yes", "--skip-preview");
    expect([failed, failed ? all : ""]).toEqual([false, ""]);
    expect(await machine.projects()).toEqual(["default"]);
    expect(await machine.shell("find /var/lib/veza /root -name '*veza*' -type f 2>/dev/null || :")).toBe("");
    expect(await machine.shell("nft list ruleset | grep -c 10.78.0.10 || :")).toBe("0");
    expect(await staging.serves()).toBe(false);
  }, 300_000);
});
