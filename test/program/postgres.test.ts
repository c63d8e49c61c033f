import { beforeAll, describe, expect, it } from "@jest/globals";
import { readStackFile } from "../../src/config/stack-file.ts";
import { bundleStandIns } from "../../lab/bundle.ts";
import { documents, registered, type Registered } from "./support/registered.ts";

const repository = new URL("../../", import.meta.url);

beforeAll(async () => {
  // The lab's stack file names them, and the program looks at them.
  await bundleStandIns(new URL("dist/lab", repository).pathname);
}, 30_000);

function without(entry: object, key: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(entry).filter(([name]) => name !== key));
}

/** The lab's program, with other values for keys of its database. */
async function programWith(postgres: object): Promise<readonly Registered[]> {
  const config = readStackFile("lab", repository);
  const changed = { ...(config["veza-edge:postgres"] as object), ...postgres };
  return registered("lab", { ...config, "veza-edge:postgres": changed }, { preview: false });
}

let lab: readonly Registered[] | undefined;

/** The lab's program. */
async function program(): Promise<readonly Registered[]> {
  lab ??= await programWith({});
  return lab;
}

/** Names of all that has to be done before a resource, however many steps before. */
function waitsFor(all: readonly Registered[], name: string): ReadonlySet<string> {
  const before = all.find((one) => one.name === name)?.after ?? [];
  return new Set(before.flatMap((one) => [one, ...waitsFor(all, one)]));
}

/** Names of steps that say something else. */
function differing(one: readonly Registered[], other: readonly Registered[]): readonly string[] {
  const [before, after] = [documents(one), documents(other)];
  return [...new Set([...before.keys(), ...after.keys()])].filter(
    (name) => before.get(name) !== after.get(name),
  );
}

const secretSteps = [
  "postgres-1-secrets-apply",
  "postgres-2-secrets-apply",
  "backend-api-1-secrets-apply",
  "backend-api-2-secrets-apply",
];

describe("the lab's database", () => {
  it("is there before an application that uses it is rolled out, and its containers wait for nobody", async () => {
    const all = await program();
    const before = waitsFor(all, "backend-api-1-rollout-apply");
    expect([...before]).toEqual(
      expect.arrayContaining([
        "postgres-1-bootstrap-run",
        "postgres-2-bootstrap-run",
        "db-router-1-config-apply",
        "backend-api-1-secrets-apply",
      ]),
    );
    expect([...waitsFor(all, "backend-api-1-container-create")]).not.toContain("postgres-1-bootstrap-run");
    expect([...waitsFor(all, "stream-server-1-rollout-apply")]).not.toContain("postgres-1-bootstrap-run");
    expect([...waitsFor(all, "db-router-1-config-apply")]).not.toContain("postgres-1-bootstrap-run");
  });

  it("replaces one node at a time", async () => {
    expect([...waitsFor(await program(), "postgres-2-container-create")]).toContain("postgres-1-files-apply");
  });

  it("replaces and configures one router at a time", async () => {
    const routers = [1, 2].map((id) => ({ id, address: `10.77.0.${String(54 + id)}` }));
    const all = await programWith({ routers });
    expect([...waitsFor(all, "db-router-2-container-create")]).toContain("db-router-1-config-apply");
    expect([...waitsFor(all, "db-router-1-config-apply")]).not.toContain("db-router-2-config-apply");
  });

  it("has passwords in secret steps only, of which nothing is printed", async () => {
    const all = await program();
    const secrets = documents(all).get("backend-api-1-secrets-apply") ?? "";
    const password = /^DATABASE_PASSWORD="([\w-]{32})"$/m.exec(secrets)?.[1] ?? "there is none";
    const holders = all.filter(({ inputs }) => String(inputs["stdin"]).includes(password));
    expect(holders.map(({ name }) => name).sort()).toEqual([...secretSteps].sort());
    for (const { secret, inputs, secretOutputs } of holders) {
      expect(secret).toContain("stdin");
      expect(inputs["logging"]).toBe("none");
      expect(secretOutputs).toEqual(expect.arrayContaining(["stdout", "stderr"]));
    }
  });

  it("has applications log in as the other role with a new password, without anything else that changes", async () => {
    const [first, second] = [await program(), await programWith({ passwordRevision: 2 })];
    const rollouts = ["backend-api-1-rollout-apply", "backend-api-2-rollout-apply"];
    expect([...differing(first, second)].sort()).toEqual([...secretSteps, ...rollouts].sort());
    expect(documents(first).get("backend-api-1-rollout-apply")).toContain('DATABASE_USER="veza_a"');
    expect(documents(second).get("backend-api-1-rollout-apply")).toContain('DATABASE_USER="veza_b"');
    expect([...waitsFor(second, "backend-api-1-rollout-apply")]).toEqual(
      expect.arrayContaining(secretSteps.slice(0, 3)),
    );
  });

  it("gives an instance a new password when the database has it, and its turn has come", async () => {
    expect([...waitsFor(await program(), "backend-api-2-secrets-apply")]).toEqual(
      expect.arrayContaining([...secretSteps.slice(0, 3), "backend-api-1-rollout-apply"]),
    );
  });

  it("has a new password for replication too", async () => {
    const [first, second] = [await program(), await programWith({ passwordRevision: 2 })];
    const replicator = (all: readonly Registered[]): readonly string[] =>
      [1, 2].map((id) => {
        const said = documents(all).get(`postgres-${String(id)}-secrets-apply`) ?? "";
        return /^\*:\*:\*:replicator:([\w-]{32})$/m.exec(said)?.[1] ?? "";
      });
    const [before, after] = [replicator(first), replicator(second)];
    expect(before[0]).toBe(before[1]);
    expect(after[0]).toBe(after[1]);
    expect(after[0]).toMatch(/^.{32}$/);
    expect(after[0]).not.toBe(before[0]);
  });
});

it("a stack without a database has nothing of it", async () => {
  const config = readStackFile("lab", repository);
  const fleets = config["veza-edge:fleets"] as Record<string, object>;
  const all = await registered("lab", {
    ...without(config, "veza-edge:postgres"),
    "veza-edge:fleets": { ...fleets, "backend-api": without(fleets["backend-api"] ?? {}, "database") },
  });
  const names = all.map(({ name }) => name).join("\n");
  expect(names).toContain("backend-api-1-rollout-apply");
  expect(names).not.toMatch(/postgres|db-router|backend-api-\d-secrets/);
});
