import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { loadMonitoringConfig } from "../../stacks/monitoring/src/config.ts";
import { ruleFiles } from "../../stacks/monitoring/src/prometheus-unit.ts";
import {
  alertDrills,
  drillAlerts,
  DriftMetrics,
  pebbleAddress,
  type AlertDrill,
} from "../lab/support/alert-drills.ts";
import { edgeAddress } from "../lab/support/edge-config.ts";
import { MonitoringStack, type MonitoringInput } from "../lab/support/monitoring.ts";
import { PostgresStack } from "../lab/support/postgres-stack.ts";
import { until } from "../lab/support/until.ts";
import { labOutputs } from "../unit/support/lab-outputs.ts";

/** Every alert that the program renders for a stack that has everything. */
const alerts = ruleFiles({
  stack: "lab",
  edge: labOutputs(),
  config: loadMonitoringConfig("lab", { "veza-monitoring:address": "10.77.0.80" }),
}).flatMap(({ content }) => [...content.matchAll(/- alert: (\S+)/g)].map(([, name = ""]) => name));

let postgres: PostgresStack;
let monitoring: MonitoringStack;
let usual: Partial<MonitoringInput>;
let drills: Readonly<Record<string, AlertDrill>>;
const ends: (() => Promise<void>)[] = [];
beforeAll(async () => {
  postgres = await PostgresStack.open({
    api: [1, 2],
    letsencrypt: {
      contact: "ops@veza.test",
      publicAddresses: [edgeAddress],
      certificates: [{ names: ["veza.test"] }],
      pebble: { address: pebbleAddress },
    },
  });
  ends.unshift(() => postgres.close());
}, 400_000);
beforeAll(async () => {
  const drift = await DriftMetrics.open(postgres);
  ends.unshift(() => drift.close());
  drills = alertDrills(postgres, drift);
  usual = { alerts: drillAlerts, extraTargets: { node: drift.url } };
  monitoring = await MonitoringStack.open(postgres.stack, usual);
  ends.unshift(() => monitoring.close());
  await monitoring.up();
  await monitoring.fires();
}, 300_000);
afterAll(async () => {
  for (const end of ends) await end();
}, 240_000);

async function watch(settings: Partial<MonitoringInput> = {}): Promise<void> {
  await monitoring.configure({ ...usual, ...settings });
  await monitoring.up();
}

it.each(alerts)(
  "%s fires for a real cause, and clears when that is gone",
  async (alert) => {
    const drill = drills[alert];
    if (drill === undefined) throw new Error(`nobody has a drill for ${alert}: write one in alert-drills.ts`);
    const { what, settings, cause, undo } = drill;
    const fires = async (): Promise<boolean> => (await monitoring.firing()).has(alert);
    expect(await fires()).toBe(false);
    const begin = Date.now();
    const seconds = (): string => `${((Date.now() - begin) / 1000).toFixed(0)} s`;
    await cause();
    if (settings !== undefined) await watch(settings);
    await until(`${alert} fires: ${what}`, fires, 120);
    const fired = seconds();
    await undo();
    const undone = seconds();
    // A limit of its own is kept until it is seen that it is met again.
    if (settings?.extraRules !== undefined) await watch();
    await until(`${alert} clears`, async () => !(await fires()), 150);
    if (settings !== undefined && settings.extraRules === undefined) await watch();
    console.log(
      `${alert} (${what}): fired after ${fired}, undone after ${undone}, cleared after ${seconds()}`,
    );
  },
  400_000,
);

it("those are all that Prometheus has, and none is left", async () => {
  expect([...(await monitoring.alertingRules())].sort()).toEqual([...alerts].sort());
  await monitoring.fires();
  expect(await monitoring.unwell()).toEqual([]);
}, 200_000);
