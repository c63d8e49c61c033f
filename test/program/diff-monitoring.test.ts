import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseDocument } from "yaml";
import { unitConsequences } from "../../src/ops/diff/consequences/index.ts";
import { difference, isDifferent, type Difference } from "../../src/ops/diff/difference.ts";
import { emptyPlan, planSchema, type Plan } from "../../src/ops/diff/plan.ts";
import { plansOf } from "../../src/ops/diff/plans.ts";
import { stackNames } from "../../src/ops/diff/projects.ts";

const repository = fileURLToPath(new URL("../../", import.meta.url));
const against = { kind: "revision", label: "main" } as const;
const directories: string[] = [];

afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true });
});

type Edit = readonly [file: string, path: readonly (string | number)[], value: unknown];

/** Both projects as they are here, with some of their config changed; undefined takes a key away. */
function projects(...edits: readonly Edit[]): URL {
  const directory = mkdtempSync(join(tmpdir(), "veza-diff-monitoring-"));
  directories.push(directory);
  const own = join("stacks", "monitoring");
  mkdirSync(join(directory, own), { recursive: true });
  for (const file of [
    "Pulumi.lab.yaml",
    "Pulumi.prod.yaml",
    join(own, "Pulumi.yaml"),
    join(own, "Pulumi.lab.yaml"),
  ])
    cpSync(join(repository, file), join(directory, file));
  symlinkSync(join(repository, own, "src"), join(directory, own, "src"));
  for (const [file, path, value] of edits) {
    const document = parseDocument(readFileSync(join(directory, file), "utf8"));
    if (value === undefined) document.deleteIn(["config", ...path]);
    else document.setIn(["config", ...path], value);
    writeFileSync(join(directory, file), document.toString());
  }
  return pathToFileURL(`${directory}/`);
}

const edgeFile = "Pulumi.lab.yaml";
const ownFile = "stacks/monitoring/Pulumi.lab.yaml";

async function monitoring(...edits: readonly Edit[]): Promise<Plan> {
  const plans = await plansOf(["lab"], projects(...edits), "key of this test");
  expect(plans.map(({ project, stack }) => `${stack} of ${project}`)).toEqual([
    "lab of veza-edge",
    "lab of veza-monitoring",
  ]);
  return plans[1] ?? emptyPlan({ project: "", stack: "" });
}

let asItIs: Plan;
beforeAll(async () => {
  asItIs = await monitoring();
});

async function changed(...edits: readonly Edit[]): Promise<Difference> {
  return difference(asItIs, await monitoring(...edits), against);
}

function lines({ containers }: Difference, file: string): readonly string[] {
  const patch = containers[0]?.files.find(({ path }) => path === file)?.patch ?? "";
  return patch.split("\n").filter((line) => /^[-+]/.test(line));
}

const says = ({ containers }: Difference): readonly string[] =>
  (containers[0]?.consequences ?? []).map(({ says, careful }) => (careful ? `! ${says}` : says));

const config = "/etc/prometheus/prometheus.yml";
const load =
  "has promtool check the configuration and Prometheus in prometheus load it, without a restart; measurements stay";
const secondRouter: Edit = [
  edgeFile,
  ["veza-edge:postgres", "routers", 1],
  { id: 2, address: "10.77.0.56", localNode: 2 },
];

describe("a plan of monitoring", () => {
  it("has every file of its container, does not differ from itself, and reads back from JSON as it was", async () => {
    expect(planSchema.parse(JSON.parse(JSON.stringify(asItIs)))).toEqual(asItIs);
    expect(isDifferent(await changed())).toBe(false);
    const whole = difference(emptyPlan(asItIs), asItIs, { kind: "nothing", because: "" });
    expect(whole.containers.map(({ container, operation }) => `${container} ${operation}`)).toEqual([
      "prometheus created",
    ]);
    expect(whole.containers[0]?.files.map(({ path }) => path)).toEqual(
      expect.arrayContaining([
        config,
        "/etc/prometheus/rules/alerts.yml",
        "/usr/share/veza/dashboard/index.html",
      ]),
    );
    expect(says(whole)).toEqual([
      "makes the container prometheus",
      "has promtool check the configuration, and starts Prometheus in prometheus",
    ]);
  });

  it("has a row of consequences for every unit, and a kind for every step", () => {
    const units = asItIs.steps.flatMap(({ unit }) => unit ?? []).filter((unit) => unit !== "container");
    expect(units.filter((unit) => !(unit in unitConsequences))).toEqual([]);
    expect(asItIs.steps.filter(({ kind }) => kind === "other")).toEqual([]);
  });

  it("is made for stacks that it has a file of, and for no other", async () => {
    const directory = projects();
    expect(stackNames(directory)).toEqual(["lab", "prod"]);
    const plans = await plansOf(["prod"], directory, "key");
    expect(plans.map(({ project }) => project)).toEqual(["veza-edge"]);
  });

  it("knows no secret of the stack, and needs none", async () => {
    const key: Edit = [ownFile, ["veza-monitoring:sshPrivateKey"], { secure: "v1:abc:def" }];
    expect(isDifferent(await changed(key))).toBe(false);
  });
});

describe("what a reviewer is told of monitoring", () => {
  it("when the edge gets one more router: the line with its address", async () => {
    const found = await changed(secondRouter);
    expect(lines(found, config)).toEqual([
      '+      - targets: ["10.77.0.56:8404"]',
      "+        labels:",
      "+          instance: db-router-2",
    ]);
    expect(says(found)).toEqual([load, "begins to watch db-router-2 (database-router)"]);
    expect(found.resources.updated).toEqual(["monitoring-prometheus-apply"]);
  });

  it("when the edge loses its database: what is not watched any more", async () => {
    const found = await changed(
      [edgeFile, ["veza-edge:postgres"], undefined],
      [edgeFile, ["veza-edge:fleets", "backend-api", "database"], undefined],
    );
    expect(says(found)).toEqual([
      load,
      "! does not watch db-router-1 (database-router), postgres-1 (postgres) and postgres-2 (postgres) any more",
      "! does not raise NoPrimary, TwoPrimaries, ReplicationLag and ReplicationBroken any more",
    ]);
  });

  it("when there are rules of one's own", async () => {
    const rules = "groups:\n  - name: mine\n    rules:\n      - { alert: Mine, expr: 'vector(1)' }\n";
    const found = await changed([ownFile, ["veza-monitoring:extraRules"], rules]);
    expect(lines(found, "/etc/prometheus/rules/extra.yml")).toContain("+  - name: mine");
    expect(says(found)).toEqual([load, "begins to raise Mine"]);
  });

  it("when measurements are kept for longer: it is restarted", async () => {
    const found = await changed([ownFile, ["veza-monitoring:retention"], { days: 30, gib: 1 }]);
    expect(says(found)).toEqual([
      "has promtool check the configuration and restarts Prometheus in prometheus, because its systemd unit changes: nothing is measured for some seconds",
    ]);
  });
});

describe("a stack of monitoring that cannot be planned", () => {
  it("says so with the path of the mistake", async () => {
    await expect(monitoring([ownFile, ["veza-monitoring:scrapSeconds"], 5])).rejects.toThrow(
      /Pulumi\.lab\.yaml has 1 mistake; nothing was changed\.\n {2}veza-monitoring:scrapSeconds\n {4}this key is not known/,
    );
  });

  it("says what is in the way on the edge's side", async () => {
    await expect(monitoring([ownFile, ["veza-monitoring:address"], "10.77.0.51"])).rejects.toThrow(
      "veza-monitoring:address: 10.77.0.51 is the address of postgres-1 in veza-lab",
    );
  });

  const watching = (stack: string): Edit => [ownFile, ["veza-monitoring:edge"], `acme/veza-edge/${stack}`];

  it("may watch another stack than the one of its name", async () => {
    const prod = await monitoring(watching("prod"), [ownFile, ["veza-monitoring:address"], "10.79.0.80"]);
    expect(JSON.stringify(prod)).toContain("10.79.0.10:9100");
  }, 30_000);

  it("cannot read the outputs of a stack that is not here", async () => {
    await expect(monitoring(watching("elsewhere"))).rejects.toThrow(
      "stack lab of veza-monitoring cannot be planned: it reads the outputs of veza-edge/elsewhere, and there is no Pulumi.elsewhere.yaml",
    );
  });
});
