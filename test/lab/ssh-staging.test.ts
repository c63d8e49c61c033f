import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { proveEdge } from "../../src/ops/proof/proof.ts";
import { changed } from "../../tools/verbs/pulumi.ts";
import type { SecondMachine } from "./support/second-machine/machine.ts";
import { Staging } from "./support/second-machine/staging.ts";
import { far, near, TwoHosts } from "./support/second-machine/two-hosts.ts";
import { until } from "./support/until.ts";

let staging: Staging;
let machine: SecondMachine;
beforeAll(async () => {
  staging = await Staging.open();
  machine = staging.machine;
  await staging.configure();
}, 600_000);
afterAll(() => staging.close(), 120_000);

describe("the staging stack, on another machine over SSH", () => {
  it("is not touched without a key, and the message says which to set", async () => {
    const { exitCode, said } = await staging.startUp().ended;
    expect(said).toContain("veza-edge:sshPrivateKey: the key that may log in to main");
    expect(exitCode).toBe(1);
    expect(await machine.projects()).toEqual(["default"]);
  }, 60_000);

  it("is deployed from nothing, and answers at the machine's own address", async () => {
    await staging.setKey(machine.keyFile);
    expect((await staging.up()).changes).toMatchObject({ create: expect.any(Number) });
    const claims = await proveEdge({
      baseUrl: staging.url(),
      cookie: "VEZA_SERVERID",
      apiPath: "/api/v1/health",
      streamPrefix: "/stream/",
      apiInstances: ["backend-api-1", "backend-api-2"],
      streamInstances: ["stream-server-1", "stream-server-2"],
    });
    expect(claims.filter(({ holds }) => !holds)).toEqual([]);
    expect(claims.length).toBeGreaterThan(3);
  }, 400_000);

  it("sends plain HTTP to HTTPS, once", async () => {
    const answer = await fetch(`http://${machine.address}/stream/a/1.ts?b=c`, { redirect: "manual" });
    expect([answer.status, answer.headers.get("location")]).toEqual([301, staging.url("/stream/a/1.ts?b=c")]);
  });

  it("brings the client's address to the application, and does not believe a client's own header", async () => {
    const answer = await fetch(staging.url("/api/v1/whoami"), {
      headers: { "X-Forwarded-For": "192.0.2.66" },
    });
    const ours = (await machine.shell("ip route get 10.77.0.1 | grep -o '10.77.0.1 '")).trim();
    expect(await answer.json()).toMatchObject({ clientAddress: ours, headers: { "x-forwarded-for": ours } });
  });

  it("has nothing to do in a second update", async () => {
    expect(await staging.changesOfUpdate()).toBe("");
  }, 120_000);

  it("keeps no copy of the key where another user of this machine could read it", async () => {
    const key = (await readFile(machine.keyFile, "utf8")).split("\n")[1] ?? "";
    const found = await execa("grep", ["-rl", "--", key, join(machine.directory, "project/state")], {
      reject: false,
    });
    expect([key.length > 40, found.stdout]).toEqual([true, ""]);
  });
});

describe("a host that is not what the config says", () => {
  it("is refused for its host key before anything is said to it", async () => {
    const before = await machine.memory();
    await staging.configure({ hostKey: await otherHostKey() });
    const { exitCode, said } = await staging.startUp().ended;
    expect(said).toMatch(
      /root@10\.77\.0\.100:22 cannot be reached: it shows another host key \(SHA256:\S+\) than/,
    );
    expect(said).toContain("Nothing was updated.");
    expect([exitCode, await machine.memory()]).toEqual([1, before]);
  }, 60_000);

  it("ends an update in seconds when it does not answer", async () => {
    await staging.configure();
    await machine.cutSsh();
    const began = performance.now();
    const { exitCode, said } = await staging.startUp().ended;
    await machine.mendSsh();
    expect(said).toMatch(
      /cannot be reached: ssh: connect to host 10\.77\.0\.100 port 22: .*\nNothing was updated\./,
    );
    expect(exitCode).toBe(1);
    expect(performance.now() - began).toBeLessThan(30_000);
  }, 60_000);
});

describe("an SSH connection that is cut in the middle of a roll-out", () => {
  it("leaves hosts that the next update brings to the config, also when that was reverted", async () => {
    await staging.configure({ environment: { COLOUR: "blue" } });
    const cut = staging.startUp();
    await cut.says(/backend-api-1-rollout-apply updating/);
    await machine.shell(cutSessionsOnce("[i]ncus exec backend-api-1"));
    const { exitCode, said } = await cut.ended;
    expect(said).toContain("connection lost, the command may still be running there");
    expect(exitCode).not.toBe(0);

    await staging.configure();
    const { said: next, changes } = await staging.up();
    expect(next).toContain("did not end well: comparing it with the stack's state");
    expect(changed(changes)).toBe(0);
    expect(await isBlue("backend-api-1")).toBe(false);

    await staging.configure({ environment: { COLOUR: "blue" } });
    expect((await staging.up()).changes).toMatchObject({ update: 2 });
    expect([await isBlue("backend-api-1"), await isBlue("backend-api-2")]).toEqual([true, true]);
    expect(await staging.changesOfUpdate()).toBe("");
    expect(await staging.serves()).toBe(true);
  }, 300_000);
});

describe("a reboot of the machine", () => {
  it("brings the edge back without an update", async () => {
    await machine.reboot();
    await until("the edge answers", () => staging.serves(), 120);
    expect(await staging.changesOfUpdate()).toBe("");
  }, 300_000);
});

describe("a stack on this machine and on another one", () => {
  let hosts: TwoHosts;
  beforeAll(async () => {
    hosts = await TwoHosts.open(machine);
  }, 300_000);
  afterAll(() => hosts.close(), 120_000);

  it("is shown with both hosts, and with what each load balancer says", async () => {
    const { exitCode, problems, ...status } = await hosts.status();
    expect({ exitCode, problems }).toEqual({ exitCode: 0, problems: [] });
    expect(status.hosts.map(({ name, where }) => `${name}: ${where}`)).toEqual([
      `far: root@${machine.address}:22`,
      "near: this machine",
    ]);
    expect(status.containers.map(({ name, host, state }) => `${name} on ${host}: ${state}`)).toEqual([
      `${near} on near: Running`,
      `${far} on far: Running`,
    ]);
    expect(hosts.statusOf("one", status)).toEqual({ [near]: "UP", [far]: "UP" });
  }, 60_000);

  it("has a server drained in both, and taken back", async () => {
    await hosts.says("drain", "one");
    expect(hosts.statusOf("one", await hosts.status())).toEqual({ [near]: "DRAIN", [far]: "DRAIN" });
    await hosts.says("ready", "one");
    await until("one takes part again", async () => {
      const seen = hosts.statusOf("one", await hosts.status());
      return [near, far].every((name) => seen[name]?.startsWith("UP") === true);
    });
  }, 90_000);

  it("shows logs of the other machine, and runs commands there", async () => {
    const [logs, shell] = await Promise.all([
      hosts.says("logs", far, "--lines", "5"),
      hosts.stack.veza("shell", far, "--", "sh", "-c", "hostname; exit 7"),
    ]);
    expect(logs).toContain("haproxy");
    expect([shell.exitCode, shell.stdout]).toEqual([7, far]);
  }, 60_000);

  it("has what drifted on the other machine found, and brought back", async () => {
    const path = "/usr/local/lib/veza/hotfix.sh";
    const inside = ["exec", far, "--project", hosts.stack.incus.name, "--", "sh", "-c"];
    await machine.incus(...inside, `echo true >${path}; echo '# by hand' >>/etc/haproxy/current/haproxy.cfg`);
    const { exitCode, drift } = await hosts.drift();
    expect(
      drift.map(({ container, kind, subject }) => `${container ?? ""} ${kind} ${subject}`).sort(),
    ).toEqual([`${far} extra ${path}`, `${far} file /etc/haproxy/current/haproxy.cfg`]);
    expect(exitCode).toBe(2);
    await hosts.says("drift", "--repair", "--yes");
    expect(await hosts.drift()).toMatchObject({ exitCode: 0, drift: [], unseen: [] });
  }, 90_000);

  it("is told of as far as it can be seen within seconds, while the other machine does not answer", async () => {
    await machine.cutSsh();
    const began = performance.now();
    const [drift, status, drain, logs] = await Promise.all([
      hosts.drift(),
      hosts.status(),
      hosts.stack.veza("drain", "one"),
      hosts.stack.veza("logs", far),
    ]).finally(() => machine.mendSsh());
    expect(performance.now() - began).toBeLessThan(25_000);
    expect(drift).toMatchObject({ exitCode: 3, drift: [], counts: { containers: 1 } });
    expect(drift.unseen).toEqual([expect.objectContaining({ host: `root@${machine.address}:22` })]);
    expect(status.exitCode).toBe(2);
    expect(status.problems).toEqual(
      expect.arrayContaining([expect.stringMatching(/^far does not answer: .* cannot be reached: /)]),
    );
    expect(hosts.statusOf("one", status)).toEqual({ [near]: "UP" });
    expect([drain.exitCode, drain.all]).toEqual([
      1,
      expect.stringMatching(new RegExp(`^bin/veza: ${far} does not tell its servers: .*timed out`)),
    ]);
    expect([logs.exitCode, logs.all]).toEqual([255, expect.stringContaining("timed out")]);
  }, 90_000);
});

const isBlue = (container: string): Promise<boolean> => staging.runsWith("COLOUR=blue", container);

/** Ends every SSH session as soon as such a command runs on the machine. */
function cutSessionsOnce(command: string): string {
  return `until pgrep -f '${command}' >/dev/null; do sleep 0.05; done; pkill -KILL -f '^sshd-session: root'`;
}

async function otherHostKey(): Promise<string> {
  const file = join(machine.directory, "other");
  await execa("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file], { stdin: "ignore" });
  return (await readFile(`${file}.pub`, "utf8")).split(" ").slice(0, 2).join(" ");
}
