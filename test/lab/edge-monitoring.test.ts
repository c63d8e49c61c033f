import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { z } from "zod";
import { loadMonitoringConfig } from "../../stacks/monitoring/src/config.ts";
import { ruleFiles } from "../../stacks/monitoring/src/prometheus-unit.ts";
import { labOutputs } from "../unit/support/lab-outputs.ts";
import { alertCases, promtoolTests } from "./support/alert-cases.ts";
import { openPage, type OpenPage } from "./support/browser.ts";
import { MonitoringStack } from "./support/monitoring.ts";
import { LabStack } from "./support/stack.ts";
import { until } from "./support/until.ts";

let edge: LabStack;
let monitoring: MonitoringStack;
let dashboard: OpenPage;
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
  dashboard = await openPage(`${monitoring.url}/user/`);
  ends.unshift(() => dashboard.close());
}, 240_000);
afterAll(async () => {
  for (const end of ends) await end();
}, 120_000);

const sections = z.array(z.tuple([z.string(), z.string()]));

/** What stands in the dashboard's sections, by the section's id, in words separated by one space. */
async function shown(): Promise<Readonly<Record<string, string>>> {
  // In one breath: the page replaces them at each look.
  const seen = await dashboard.page.evaluate(
    "[...document.querySelectorAll('section')].map((section) => [section.id, section.innerText])",
  );
  return Object.fromEntries(sections.parse(seen).map(([id, text]) => [id, text.replace(/\s+/g, " ")]));
}

describe("a Prometheus that watches a stack", () => {
  it("sees every target up, can work out every rule, and has nothing to complain of", async () => {
    await until("every target is up", async () => {
      const targets = await monitoring.targets();
      return targets.size === 2 && [...targets.values()].every((trouble) => trouble === "");
    });
    expect([...(await monitoring.targets()).keys()].sort()).toEqual([
      "haproxy of haproxy",
      "prometheus of prometheus",
    ]);
    await until(
      "the pool is measured",
      async () => (await monitoring.query("pool:haproxy_up:sum")).length === 1,
    );
    expect(await monitoring.unwell()).toEqual([]);
    await monitoring.fires();
  });

  it("shows it in a browser, which asks nobody else for anything", async () => {
    const { page, origins } = dashboard;
    await until("the dashboard has both servers", async () =>
      /api-1 UP.*api-2 UP/.test((await shown())["api_pool"] ?? ""),
    );
    expect(await page.locator("#stack").innerText()).toBe(edge.name);
    expect(await page.locator("#verdict").innerText()).toBe("no alert");
    expect((await shown())["watch"]).toContain("2 of 2");
    expect([...origins]).toEqual([monitoring.url]);
  });

  it("has nothing to do in a second update", async () => {
    expect((await monitoring.up()).changes).toEqual({ same: 12 });
  });

  it("raises an alert when a server dies, another when the last one does, and takes them back", async () => {
    await edge.incus.stop("backend-api-1");
    await monitoring.fires("ServerDown of backend-api-1");
    await until(
      "the dashboard says so",
      // The page may have asked before it was more than pending.
      async () => (await shown())["alerts"]?.includes("firing ServerDown") === true,
    );
    expect((await shown())["alerts"]).toMatch(
      /firing ServerDown \d+ s backend-api-1 in api_pool is DOWN, says haproxy; the others take its requests incus exec backend-api-1/,
    );
    expect((await shown())["api_pool"]).toMatch(/backend-api-1 DOWN .*backend-api-2 UP/);
    expect(await dashboard.page.locator("#verdict").innerText()).toBe("1 alert");
    await edge.incus.stop("backend-api-2");
    await monitoring.fires(
      "ServerDown of backend-api-1",
      "ServerDown of backend-api-2",
      "PoolEmpty of haproxy",
    );
    await edge.incus.start("backend-api-1", "backend-api-2");
    await monitoring.fires();
    await until("the dashboard says so", async () => (await shown())["alerts"] === undefined);
    expect(dashboard.complaints).toEqual([]);
  }, 150_000);
});

describe("rules", () => {
  it("that promtool refuses are told in its words, and what runs is left alone", async () => {
    const before = await monitoring.running();
    await monitoring.configure({
      extraRules: "groups:\n  - name: mine\n    rules:\n      - { alert: Mine, expr: 'sum(' }\n",
    });
    const refused = await monitoring.tryUp();
    expect(refused.exitCode).not.toBe(0);
    expect(refused.said).toMatch(
      /promtool does not accept this configuration:[^]*\/etc\/prometheus\/rules\/extra\.yml \(veza-monitoring:extraRules\)[^]*could not parse expression/,
    );
    expect(refused.said).toContain("State now: nothing was changed");
    expect(await monitoring.running()).toEqual(before);
  }, 90_000);

  it("make every alert come and go", async () => {
    const config = loadMonitoringConfig("lab", {
      "veza-monitoring:address": "10.77.0.80",
      "veza-monitoring:scrapeSeconds": 5,
      "veza-monitoring:alerts": { patienceSeconds: 15 },
    });
    const rules = ruleFiles({ stack: "lab", edge: labOutputs(), config });
    const alerts = rules.flatMap(({ content }) =>
      [...content.matchAll(/- alert: (\S+)/g)].map(([, name]) => name),
    );
    expect([...new Set(alertCases.map(({ alert }) => alert))].sort()).toEqual(alerts.sort());
    const tests = promtoolTests();
    for (const { name, content } of [
      ...rules.map(({ path, content }) => ({ name: path.split("/").at(-1) ?? "", content })),
      ...tests,
    ]) {
      await monitoring.incus.write("prometheus", `/tmp/rules/${name}`, content);
    }
    const said = await monitoring.incus.shell(
      "prometheus",
      `cd /tmp/rules; promtool test rules ${tests.map(({ name }) => name).join(" ")} || :`,
    );
    expect(said).not.toContain("FAILED");
    expect(said.match(/SUCCESS/g)?.length).toBe(tests.length);
  }, 120_000);
});
