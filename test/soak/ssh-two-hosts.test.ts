import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { SecondMachine } from "../lab/support/second-machine/machine.ts";
import { far, near, TwoHosts } from "../lab/support/second-machine/two-hosts.ts";
import { until } from "../lab/support/until.ts";

let machine: SecondMachine;
let hosts: TwoHosts;
beforeAll(async () => {
  machine = await SecondMachine.open(["haproxy"]);
  hosts = await TwoHosts.open(machine);
}, 600_000);
afterAll(async () => {
  await hosts.close();
  await machine.close();
}, 180_000);

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1_000;
}

describe("while the other machine hangs", () => {
  beforeAll(() => machine.freeze(), 30_000);
  afterAll(() => machine.thaw(), 30_000);

  it("what drifted on this one is found and brought back, and the other one is said not to be seen", async () => {
    const path = "/usr/local/lib/veza/hotfix.sh";
    await hosts.stack.incus.shell(near, `echo true >${path}`);
    const found = await hosts.drift();
    expect(found).toMatchObject({ exitCode: 2, drift: [{ container: near, subject: path }] });
    expect(found.unseen).toEqual([
      { host: `root@${machine.address}:22`, says: expect.stringMatching(/^cannot be reached: /) },
    ]);
    const { exitCode, all } = await hosts.stack.veza("drift", "--repair", "--yes");
    expect(`${String(exitCode)} ${all}`).toMatch(/^3 /);
    expect(await hosts.drift()).toMatchObject({ exitCode: 3, drift: [] });
  }, 180_000);

  it("a server is not drained half, and told where it was when that was asked for all the same", async () => {
    const drain = await hosts.stack.veza("drain", "one");
    expect(drain.all).toMatch(
      new RegExp(`^bin/veza: ${far} does not tell its servers: .*\nNothing was changed`, "s"),
    );
    const forced = await hosts.stack.veza("drain", "one", "--force");
    expect(forced.all).toContain(`${far}: root@${machine.address}:22 cannot be reached: `);
    expect(forced.all).toContain(`api_pool/one is in drain in ${near} only`);
    expect([drain.exitCode, forced.exitCode]).toEqual([1, 1]);
    expect((await hosts.stack.veza("ready", "one")).all).toContain(`is in ready in ${near} only`);
  }, 180_000);
});

describe("a machine that hangs in the middle of an answer", () => {
  it("is given up after the time that a silent connection has", async () => {
    // So that its answer takes long enough to be cut off.
    await machine.shell("pkill -STOP -x incusd");
    const drift = hosts.drift();
    await machine.shell("until pgrep -f '[b]ash -euo pipefail -s look' >/dev/null; do sleep 0.02; done");
    await machine.freeze();
    const seconds = await secondsOf(() => drift).finally(() => machine.thaw());
    await machine.shell("pkill -CONT -x incusd");
    expect(await drift).toMatchObject({ exitCode: 3, drift: [], counts: { containers: 1 } });
    expect(seconds).toBeLessThan(110);
    await until("it is seen again", async () => (await hosts.drift()).exitCode === 0, 60);
  }, 300_000);
});
