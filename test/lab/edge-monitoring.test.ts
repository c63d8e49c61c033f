import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { MonitoringStack } from "./support/monitoring.ts";
import { LabStack } from "./support/stack.ts";
import { until } from "./support/until.ts";

let edge: LabStack;
let monitoring: MonitoringStack;
beforeAll(async () => {
  edge = await LabStack.open();
  await edge.up();
  monitoring = await MonitoringStack.open(edge);
}, 240_000);
afterAll(async () => {
  await monitoring.close();
  await edge.close();
}, 120_000);

it("try", async () => {
  const ended = await monitoring.up();
  console.log(ended.said);
  await until("all up", async () => [...(await monitoring.targets()).values()].every((x) => x === "")).catch(
    () => undefined,
  );
  console.log(await monitoring.targets(), await monitoring.firing());
  await new Promise((r) => setTimeout(r, Number(process.env["HOLD"] ?? 0) * 1000));
}, 1200_000);
