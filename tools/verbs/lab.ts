import { fileURLToPath } from "node:url";
import { execa } from "execa";
import pc from "picocolors";
import { bundleStandIns } from "../../lab/bundle.ts";
import { pebblePorts } from "../../src/config/letsencrypt.ts";
import { databaseRouterName, postgresNodeName, postgresPorts } from "../../src/config/postgres.ts";
import type { StackConfig } from "../../src/config/stack.ts";
import { maintenanceInTheWay } from "../../src/ops/maintenance/in-the-way.ts";
import { proveDatabase } from "../../src/ops/proof/database-proof.ts";
import { proveEdge, type ProvedEdge } from "../../src/ops/proof/proof.ts";
import { readStack } from "../../src/ops/stack.ts";
import { dashboardUrls } from "../../stacks/monitoring/src/scrape.ts";
import { checkMachine } from "../machine/check.ts";
import { ensureIncus } from "../machine/incus.ts";
import {
  incusNeeds,
  labConfig,
  labMonitoring,
  labStack,
  publishedListeners,
  repository,
  type LabMonitoring,
} from "../machine/lab-stack.ts";
import { sudoPrefix } from "../machine/root.ts";
import { SetupError } from "../machine/setup-error.ts";
import type { Progress } from "../progress.ts";
import { ensureToolchain } from "../toolchain/index.ts";
import { provedBy } from "./lab-claims.ts";
import { deployMonitoring, proveMonitoring } from "./lab-monitoring.ts";
import { curlLine, labCertificates, proveNames } from "./lab-names.ts";
import { changeStack, changed, inWords, runPulumi } from "./pulumi.ts";
import { topologyPicture } from "./topology.ts";

/** `npm run lab`: from a bare machine, or from wherever the last run ended, to a proved lab. */
export async function lab(_words: readonly string[], progress: Progress): Promise<number> {
  // First, because the stack file names what is bundled, and is checked against it.
  await bundle(progress);
  const config = labConfig();
  const monitoring = labMonitoring();
  await progress.step("This machine", async (note) => {
    await checkMachine(config, monitoring);
    note("has what the lab needs");
  });
  await ensureToolchain(progress);
  await setUpIncus(config, progress);
  const { isFirst, hasChanged } = await deploy(progress);
  await deployMonitoring(monitoring, hasChanged, progress);
  await prove(config, progress);
  const drilled = isFirst ? await drill(progress) : true;
  // Prometheus has looked at everything meanwhile.
  await proveMonitoring(monitoring, progress);
  progress.say(farewell(config, monitoring));
  if (drilled) return 0;
  throw new SetupError(
    "the lab is deployed and serves, but the failover drill broke a promise, or did not end; its report is above",
  );
}

/** Into the checkout; nothing of the machine is changed by it. */
export async function bundle(progress: Progress): Promise<void> {
  await progress.step("Stand-in applications", async (note) => {
    const bundled = await bundleStandIns(fileURLToPath(new URL("dist/lab", repository)));
    note(bundled.map(({ app }) => app).join(", "));
  });
}

/** Also what the tests on real Incus need. */
export async function setUpIncus(config: StackConfig, progress: Progress): Promise<void> {
  const needs = incusNeeds(config);
  if (needs !== undefined) await progress.step("Incus", (note) => ensureIncus(needs, note));
}

/** Resolves with whether it was the first update of this stack that ended well, and whether it changed anything. */
async function deploy(progress: Progress): Promise<{ isFirst: boolean; hasChanged: boolean }> {
  return progress.step(`Stack ${labStack}`, async (note) => {
    const changes = await changeStack(["up", "--stack", labStack], note);
    const hasChanged = changed(changes) > 0;
    const isFirst = hasChanged && (await successfulUpdates()) === 1;
    note(inWords(changes));
    return { isFirst, hasChanged };
  });
}

async function successfulUpdates(): Promise<number> {
  const history: unknown = JSON.parse(
    await runPulumi(["stack", "history", "--stack", labStack, "--json"], () => undefined),
  );
  if (!Array.isArray(history)) return 0;
  return history.filter((update: { kind?: unknown; result?: unknown }) => {
    return update.kind === "update" && update.result === "succeeded";
  }).length;
}

async function prove(config: StackConfig, progress: Progress): Promise<void> {
  await refuseInMaintenance(config);
  for (const baseUrl of urls(config)) {
    await progress.step(`Proof through ${baseUrl}`, async (note) => {
      note("asking");
      note(provedBy(await proveEdge(provedEdge(config, baseUrl))));
    });
  }
  await proveNames(config, apiPath(config), progress);
  await proveNotes(config, progress);
}

/** A proof would wait for what does not come, and say that the lab is broken. */
async function refuseInMaintenance(config: StackConfig): Promise<void> {
  const [url] = urls(config);
  if (url === undefined || !(await answers503(new URL(apiPath(config), url)))) return;
  const why = await maintenanceInTheWay(await readStack(labStack));
  if (why === undefined) return;
  throw new SetupError(`the lab is deployed, and nothing was proved: ${why}. Then run npm run lab again`);
}

async function answers503(url: URL): Promise<boolean> {
  try {
    const answer = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(5_000) });
    await answer.body?.cancel();
    return answer.status === 503;
  } catch {
    return false;
  }
}

/** Only the stand-in keeps notes, and only in the lab; a real application has an endpoint of its own. */
async function proveNotes(config: StackConfig, progress: Progress): Promise<void> {
  const [baseUrl] = urls(config);
  const [name, fleet] = fleetOf(config, "api_pool") ?? [];
  if (baseUrl === undefined || name === undefined || fleet?.database === undefined) return;
  await progress.step("Proof of the database", async (note) => {
    note("writing");
    const instances = fleet.instances.map(({ id }) => `${name}-${String(id)}`);
    note(provedBy([await proveDatabase({ baseUrl, notesPath: "/api/v1/notes", instances })]));
  });
}

/** Resolves with whether every promise was kept. */
async function drill(progress: Progress): Promise<boolean> {
  progress.say("Failover drill, because this was the first deployment:");
  const veza = fileURLToPath(new URL("bin/veza", repository));
  const run = await execa(veza, ["drill", "failover", "--stack", labStack], {
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
    reject: false,
  });
  return !run.failed;
}

/** Where the lab answers plain HTTP: published ports first, then the containers' own addresses. */
function urls(config: StackConfig): readonly string[] {
  const published = publishedListeners(config)
    .filter(({ scheme }) => scheme === "http")
    .map(({ address, port }) => `http://${address}:${String(port)}`);
  const port = config.loadBalancer?.ports.http ?? 80;
  const own = (config.loadBalancer?.instances ?? []).map(
    ({ address }) => `http://${address}:${String(port)}`,
  );
  return incusNeeds(config) === undefined ? published : [...published, ...own];
}

function fleetOf(config: StackConfig, pool: string): [string, StackConfig["fleets"][string]] | undefined {
  return Object.entries(config.fleets).find(([, fleet]) => fleet.pool === pool);
}

/** A path that any API server answers with 200. */
function apiPath(config: StackConfig): string {
  return fleetOf(config, "api_pool")?.[1].healthPath ?? "/";
}

function provedEdge(config: StackConfig, baseUrl: string): ProvedEdge {
  const namesOf = (pool: string): readonly string[] => {
    const [name, fleet] = fleetOf(config, pool) ?? [];
    return (fleet?.instances ?? []).map(({ id }) => `${name ?? ""}-${String(id)}`);
  };
  return {
    baseUrl,
    cookie: config.loadBalancer?.cookie.name ?? "",
    apiPath: apiPath(config),
    streamPrefix: config.loadBalancer?.routes.stream.prefix ?? "/",
    apiInstances: namesOf("api_pool"),
    streamInstances: namesOf("stream_pool"),
  };
}

function farewell(config: StackConfig, monitoring: LabMonitoring): string {
  const sudo = sudoPrefix();
  const statistics = (config.loadBalancer?.instances ?? []).map(
    ({ address }) => `http://${address}:${String(config.loadBalancer?.ports.stats)}/stats`,
  );
  const next: readonly (readonly [string, string])[] = [
    [
      `${sudo}bin/pulumi preview --stack ${labStack} --diff`,
      "what a change in Pulumi.lab.yaml would do, line by line",
    ],
    [`${sudo}npm run lab`, "do it"],
    [`${sudo}bin/veza drill failover --stack ${labStack}`, "stop an instance hard, with load running"],
    ...(labCertificates(config).length === 0
      ? []
      : [[`${sudo}bin/veza certs --stack ${labStack}`, "what each name has for a certificate"] as const]),
    ...(config.postgres === undefined
      ? []
      : [
          [
            `${sudo}bin/veza topology --stack ${labStack}`,
            "which node takes writes, and what routers see",
          ] as const,
          [`${sudo}bin/veza flip-db --stack ${labStack}`, "have the other node take them"] as const,
        ]),
    [`${sudo}npm run lab:down`, "remove it all"],
  ];
  const curl = curlLine(config);
  const width = Math.max(...next.map(([command]) => command.length));
  return [
    "",
    picture(config),
    "",
    `${pc.bold("Answers at")}  ${urls(config).join("  ")}`,
    `${pc.bold("Statistics")}  ${statistics.join("  ")}`,
    `${pc.bold("Dashboard")}   ${dashboardUrls(monitoring).join("  ")}`,
    ...(curl === undefined ? [] : [`${pc.bold("By name")}     ${sudo}${curl}`]),
    "",
    pc.bold("Try next"),
    ...next.map(([command, does]) => `  ${command.padEnd(width)}   ${does}`),
  ].join("\n");
}

function picture(config: StackConfig): string {
  const { postgres } = config;
  const pebble = config.letsencrypt?.pebble;
  return topologyPicture({
    loadBalancers: (config.loadBalancer?.instances ?? []).map(({ name, address, publish }) => ({
      name,
      address,
      listeners: publish.flatMap((listen) =>
        [listen.http, listen.https]
          .filter((port) => port !== undefined)
          .map((port) => `${listen.address}:${String(port)}`),
      ),
    })),
    pools: Object.entries(config.fleets).map(([fleet, { pool, port, instances }]) => ({
      name: pool,
      servers: instances.map(({ id, address }) => ({ name: `${fleet}-${String(id)}`, address, port })),
    })),
    ...(postgres === undefined
      ? {}
      : {
          database: {
            clients: Object.entries(config.fleets)
              .filter(([, { database }]) => database !== undefined)
              .map(([fleet]) => fleet),
            routers: postgres.routers.map(({ id, address }) => ({
              name: databaseRouterName(id),
              address,
              port: postgresPorts.vip,
            })),
            nodes: postgres.nodes.map(({ id, address }) => ({ name: postgresNodeName(id), address })),
          },
        }),
    ...(pebble === undefined
      ? {}
      : {
          authority: {
            ...{ name: pebble.name, address: pebble.address, port: pebblePorts.acme },
            certificates: labCertificates(config),
          },
        }),
  });
}
