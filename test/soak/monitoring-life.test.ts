import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { MonitoringStack } from "../lab/support/monitoring.ts";
import { LabStack } from "../lab/support/stack.ts";
import { until } from "../lab/support/until.ts";

let edge: LabStack;
let monitoring: MonitoringStack;
const ends: (() => Promise<void>)[] = [];
beforeAll(async () => {
  edge = await LabStack.open();
  ends.unshift(() => edge.close());
  await edge.up();
}, 240_000);
beforeAll(async () => {
  monitoring = await MonitoringStack.open(edge);
  ends.unshift(() => monitoring.close());
  await monitoring.up();
}, 240_000);
afterAll(async () => {
  for (const end of ends) await end();
}, 120_000);

it("a target that cannot be seen is an alert until it can", async () => {
  await edge.incus.shell("haproxy", "systemctl stop haproxy");
  await monitoring.fires("TargetDown of haproxy");
  await edge.incus.shell("haproxy", "systemctl start haproxy");
  await monitoring.fires();
}, 90_000);

it("rules of one's own are loaded without a restart, and forgotten again", async () => {
  const { pid } = await monitoring.running();
  const mine = "groups:\n  - name: mine\n    rules:\n      - { alert: Mine, expr: 'vector(1)' }\n";
  await monitoring.configure({ extraRules: mine });
  await monitoring.up();
  await monitoring.fires("Mine of ");
  await monitoring.configure();
  await monitoring.up();
  await monitoring.fires();
  expect((await monitoring.running()).pid).toBe(pid);
  expect(await monitoring.incus.shell("prometheus", "ls /etc/prometheus/rules")).toBe(
    "alerts.yml\nrecords.yml",
  );
}, 120_000);

it("what was measured outlives the container", async () => {
  const since = "min_over_time(timestamp(veza_stack_info)[1h:1s])";
  const [before] = await monitoring.query(since);
  await monitoring.incus.delete("prometheus");
  await monitoring.up();
  await until("it knows the past again", async () => (await monitoring.query(since)).length === 1);
  const [after] = await monitoring.query(since);
  expect(Math.abs(Number(after?.value[1]) - Number(before?.value[1]))).toBeLessThan(5);
}, 120_000);

it("more of the watched stack is watched after the next update", async () => {
  const second = { name: "haproxy-2", address: `${edge.config.network.gateway.replace(/\.\d+\/.*/, "")}.11` };
  const instances = [...(edge.config.loadBalancer?.instances ?? []), second];
  await edge.configure({ loadBalancer: { instances } });
  await edge.up();
  await monitoring.up();
  await until("the second load balancer is seen", async () => {
    return (await monitoring.targets()).get("haproxy of haproxy-2") === "";
  });
  await edge.configure({});
  await edge.up();
  await monitoring.up();
  await until("the second load balancer is forgotten", async () => {
    return !(await monitoring.targets()).has("haproxy of haproxy-2");
  });
  await monitoring.fires();
}, 300_000);
