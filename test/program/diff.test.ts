import { afterAll, describe, expect, it } from "@jest/globals";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { isMap, parseDocument } from "yaml";
import { unitConsequences } from "../../src/ops/diff/consequences/index.ts";
import { difference, isDifferent, type Difference } from "../../src/ops/diff/difference.ts";
import { emptyPlan, planSchema, type Plan } from "../../src/ops/diff/plan.ts";
import { programPlan, type Earlier } from "../../src/ops/diff/program-plan.ts";

const repository = new URL("../../", import.meta.url);
const directory = mkdtempSync(join(tmpdir(), "veza-diff-program-"));
const key = "key of this test";

afterAll(() => rmSync(directory, { recursive: true }));

type Edit = readonly [path: readonly (string | number)[], value: unknown];

/** What a stack plans with some of its config changed; undefined takes a key away. */
async function planned(stack: string, edits: readonly Edit[] = [], earlier?: Earlier): Promise<Plan> {
  const document = parseDocument(readFileSync(new URL(`Pulumi.${stack}.yaml`, repository), "utf8"));
  // The stand-ins may or may not be bundled, or be bundled meanwhile.
  const fleets = document.getIn(["config", "veza-edge:fleets"]);
  for (const { key: fleet } of isMap(fleets) ? fleets.items : []) {
    const path = ["config", "veza-edge:fleets", String(fleet), "artifact", "path"];
    const artifact = document.getIn(path);
    if (typeof artifact !== "string") continue;
    const standIn = join(directory, basename(artifact));
    writeFileSync(standIn, `stands for ${basename(artifact)}\n`);
    document.setIn(path, standIn);
  }
  for (const [[room = "", ...rest], value] of edits) {
    const path = ["config", `veza-edge:${String(room)}`, ...rest];
    if (value === undefined) document.deleteIn(path);
    else document.setIn(path, value);
  }
  writeFileSync(join(directory, `Pulumi.${stack}.yaml`), document.toString());
  return (await programPlan(stack, pathToFileURL(`${directory}/`), key, earlier)).plan;
}

const unchanged = new Map<string, Promise<Plan>>();

function asItIs(stack: string): Promise<Plan> {
  const plan = unchanged.get(stack) ?? planned(stack);
  unchanged.set(stack, plan);
  return plan;
}

const against = { kind: "revision", label: "main" } as const;

async function changed(stack: string, ...edits: readonly Edit[]): Promise<Difference> {
  return difference(await asItIs(stack), await planned(stack, edits), against);
}

/** What happens to a container, careful things with an exclamation mark. */
function consequences({ containers }: Difference, container: string): readonly string[] {
  const found = containers.find((one) => one.container === container);
  return (found?.consequences ?? []).map(({ says, careful }) => (careful ? `! ${says}` : says));
}

const backend = ["fleets", "backend-api"] as const;
const reload =
  "has HAProxy check the new configuration and reloads it: no connection is cut; those still open 3600 s later end then";

describe("a plan", () => {
  it("does not differ from itself, and reads back from JSON as it was", async () => {
    const plan = await asItIs("lab");
    expect(planSchema.parse(JSON.parse(JSON.stringify(plan)))).toEqual(plan);
    expect(isDifferent(difference(plan, await planned("lab"), against))).toBe(false);
  });

  it("has a row of consequences for every unit that any stack has", async () => {
    const plans = [await asItIs("lab"), await asItIs("staging"), await asItIs("prod")];
    const units = new Set(plans.flatMap(({ steps }) => steps.flatMap(({ unit }) => unit ?? [])));
    expect([...units].filter((unit) => !(unit in unitConsequences))).toEqual([]);
    expect(plans.flatMap(({ steps }) => steps.filter(({ kind }) => kind === "other"))).toEqual([]);
  });

  it("shows every file of a stack that is not deployed, and no secret", async () => {
    const made = { privateKeyPem: "PRIVATE-KEY\n", certPem: "CERTIFICATE\n" };
    const plan = await planned("lab", [], { made: () => made, artifact: () => undefined });
    const whole = difference(emptyPlan(plan), plan, { kind: "nothing", because: "" });
    const files = whole.containers.flatMap(({ container, files }) =>
      files.map((file) => ({ container, ...file })),
    );
    expect(
      files.find(({ container, path }) => container === "haproxy" && path.endsWith("/haproxy.cfg"))?.patch,
    ).toContain("\n+backend stream_pool\n");
    const passwords = files.filter(({ path }) => path === "/etc/postgresql/veza/passwords");
    expect(passwords.map(({ container, patch }) => [container, patch])).toEqual([
      ["postgres-1", undefined],
      ["postgres-2", undefined],
    ]);
    expect(JSON.stringify([plan, whole])).not.toContain("PRIVATE-KEY");
  });
});

describe("what a reviewer is told", () => {
  it("of a time-out: one line, and a reload", async () => {
    const found = await changed("prod", [["loadBalancer", "timeouts"], { serverSeconds: 90 }]);
    expect(found.containers.map(({ container }) => container)).toEqual(["haproxy"]);
    expect(consequences(found, "haproxy")).toEqual([reload]);
    const [file] = found.containers[0]?.files ?? [];
    expect(file?.patch?.split("\n").filter((line) => /^[-+]/.test(line))).toEqual([
      "-    timeout server 30s",
      "+    timeout server 90s",
    ]);
  });

  it("of one more instance: it is deployed first, and nothing happens to the others", async () => {
    const found = await changed("prod", [[...backend, "instances", 2], { id: 3, address: "10.79.0.23" }]);
    expect(found.containers.map(({ container, operation }) => `${container} ${operation}`)).toEqual([
      "backend-api-3 created",
      "haproxy updated",
    ]);
    expect(consequences(found, "backend-api-3")).toEqual([
      "makes the container backend-api-3",
      "deploys backend-api-3 with backend-api.tar.gz (000000000000); it is healthy before a load balancer of api_pool first sees it",
    ]);
    expect(consequences(found, "haproxy")).toEqual([reload, "backend-api-3 joins api_pool"]);
  });

  it("of an instance that goes: its server leaves first", async () => {
    const found = await changed("prod", [[...backend, "instances", 1], undefined]);
    expect(consequences(found, "backend-api-2")).toEqual([
      "! deletes the container backend-api-2, after load balancers have left it and its requests have ended",
    ]);
    expect(consequences(found, "haproxy")).toEqual([
      reload,
      "backend-api-2 leaves api_pool: no new requests; those under way are finished",
    ]);
  });

  it("of a new version: every instance restarts, drained", async () => {
    const found = await changed("prod", [[...backend, "artifact", "sha256"], "1".repeat(64)]);
    expect(consequences(found, "backend-api-1")).toEqual([
      "restarts backend-api-1 with backend-api.tar.gz (111111111111) after draining it (up to 30 s)",
    ]);
    expect(found.containers.map(({ container }) => container)).toEqual(["backend-api-1", "backend-api-2"]);
  });

  it("of an only instance: its restart is an outage", async () => {
    const alone: Edit = [[...backend, "instances", 1], undefined];
    const found = difference(
      await planned("prod", [alone]),
      await planned("prod", [alone, [[...backend, "environment"], { LEVEL: "debug" }]]),
      against,
    );
    expect(consequences(found, "backend-api-1")).toEqual([
      "! restarts backend-api-1 without a drain: api_pool has no other server, and its requests fail meanwhile",
    ]);
  });

  it("of a drain that may take longer: no roll-out restarts anything for it alone", async () => {
    const found = await changed("prod", [[...backend, "healthSeconds"], 77]);
    expect(consequences(found, "backend-api-1")).toEqual([
      "looks whether backend-api-1 runs as it should, and restarts nothing when it does",
    ]);
  });

  it("of a removed name: a new certificate is asked for, and who has none any more", async () => {
    const found = await changed("prod", [["letsencrypt", "certificates", 1, "names"], ["talas.fr"]]);
    expect(consequences(found, "haproxy")).toEqual(
      expect.arrayContaining([
        "! www.talas.fr is in no certificate any more",
        "asks acme-v02.api.letsencrypt.org for a new certificate of talas.fr instead of the one for talas.fr and www.talas.fr, unless the volume has one; the old one serves meanwhile",
      ]),
    );
    const placeholders = found.containers[0]?.files.filter(({ path }) => path.includes("/placeholders/"));
    expect(placeholders?.map(({ path, patch }) => [path.split("/").at(-1), patch])).toEqual([
      ["talas.fr.pem", undefined],
    ]);
  });

  it("of a certificate that goes: it is retired", async () => {
    const found = await changed("prod", [["letsencrypt", "certificates", 1], undefined]);
    expect(consequences(found, "haproxy")).toEqual(
      expect.arrayContaining([
        "retires the certificate talas.fr: HAProxy forgets it as soon as no other configured name needs it",
        "! talas.fr and www.talas.fr are in no certificate any more",
      ]),
    );
  });

  it("of a new image: containers are replaced, and their volumes stay", async () => {
    const found = await changed("lab", [["images"], { postgres: { revision: 2 }, app: { revision: 2 } }]);
    expect(consequences(found, "postgres-1")).toContain(
      "! replaces the container postgres-1 (another image): it is stopped, deleted, made anew and filled again; its volume postgres-1-data stays",
    );
    expect(consequences(found, "stream-server-1")[0]).toBe(
      "! replaces the container stream-server-1 (another image): it is stopped after load balancers have left it, deleted, made anew and filled again",
    );
    expect(found.hosts.map(({ says }) => says)).toContainEqual(
      expect.stringMatching(/^builds the image veza\/postgres\//),
    );
  });

  it("of memory for Postgres: it takes a restart, and a flip before it", async () => {
    const found = await changed("lab", [["postgres", "nodes", 0, "limits", "memoryMiB"], 1024]);
    expect(consequences(found, "postgres-1")).toEqual([
      "changes limits, published ports or volumes of postgres-1 while it runs",
      "restarts pg-health and the watch on postgres-1, and has Postgres and PgBouncer reload: no session ends",
      expect.stringMatching(
        /^! shared_buffers takes a restart of Postgres: postgres-1 is restarted now if it is the standby, .*flip-db first/,
      ),
    ]);
  });

  it("of WAL kept for a standby: Postgres only reloads", async () => {
    const found = await changed("lab", [["postgres", "walKeepMiB"], 256]);
    expect(consequences(found, "postgres-1")).toEqual([
      "restarts pg-health and the watch on postgres-1, and has Postgres and PgBouncer reload: no session ends",
    ]);
  });

  it("of other passwords: who takes them over, and that instances restart with them", async () => {
    const found = await changed("lab", [["postgres", "passwordRevision"], 2]);
    expect(consequences(found, "postgres-1")).toContain(
      "postgres-1 takes over other passwords: PgBouncer reloads, and a primary sets those of its roles; sessions go on",
    );
    expect(consequences(found, "backend-api-1")).toEqual([
      "restarts backend-api-1 after draining it (up to 5 s)",
    ]);
    const shown = found.containers
      .flatMap(({ files }) => files)
      .find(({ path }) => path.endsWith("/passwords"));
    expect(shown).toEqual({
      path: "/etc/postgresql/veza/passwords",
      operation: "changed",
      linesAdded: 0,
      linesRemoved: 0,
    });
  });

  it("of volumes that are not kept any more: what a destroy will do", async () => {
    const found = await changed("prod", [["volumes"], "remove"]);
    expect(found.hosts).toEqual([
      {
        says: "the volume haproxy-acme is deleted with all that is in it when the stack does not want it any more",
        careful: true,
      },
    ]);
  });

  it("of a cookie's name: clients change their instance once", async () => {
    const found = await changed("prod", [["loadBalancer", "cookie"], { name: "OTHER" }]);
    expect(consequences(found, "haproxy")).toEqual([
      reload,
      "clients lose the instance that they are bound to, once: the cookie is OTHER now",
    ]);
  });

  it("of a host's address: everything is said again, and nothing changes there", async () => {
    const found = await changed("prod", [["hosts", "main", "address"], "other.talas.group"]);
    expect(found.containers.flatMap(({ files }) => files)).toEqual([]);
    expect(consequences(found, "backend-api-1")).toEqual([
      "looks at the container backend-api-1, and leaves it as it is",
      "looks whether backend-api-1 runs as it should, and restarts nothing when it does",
    ]);
  });
});

describe("keys that a stack has", () => {
  const made: Earlier["made"] = ({ name }) => ({
    privateKeyPem: `key ${name}\n`,
    certPem: `certificate ${name}\n`,
  });

  it("are no difference as long as they are the same, and a changed one shows as changed", async () => {
    const before = await planned("lab", [], { made, artifact: () => undefined });
    const same = await planned("lab", [], { made, artifact: () => undefined });
    const other = await planned("lab", [], {
      made: (resource) =>
        resource.name === "postgres-replicator-password" ? { privateKeyPem: "another\n" } : made(resource),
      artifact: () => undefined,
    });
    expect(isDifferent(difference(before, same, { kind: "deployed" }))).toBe(false);
    const found = difference(before, other, { kind: "deployed" });
    expect(found.containers.map(({ container }) => container)).toEqual(["postgres-1", "postgres-2"]);
    expect(found.containers[0]?.files.map(({ path }) => path)).toEqual([
      "/etc/postgresql/veza/passwords",
      "/etc/postgresql/veza/pgpass",
    ]);
  });
});
