import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { z } from "zod";
import { changed } from "../../tools/verbs/pulumi.ts";
import { subnet } from "../lab/support/edge-config.ts";
import { LabStack } from "../lab/support/stack.ts";
import { until } from "../lab/support/until.ts";

const reported = z.object({
  drift: z.array(
    z.object({
      kind: z.string(),
      container: z.string().optional(),
      subject: z.string(),
      says: z.string(),
      patch: z.string().optional(),
    }),
  ),
  runtime: z.array(z.object({ kind: z.string(), container: z.string().optional() })),
  unseen: z.array(z.unknown()),
});

/** Shell that has the superuser say something. */
const sql = (text: string): string =>
  `runuser -u postgres -- psql -XAtq -v ON_ERROR_STOP=1 -d postgres -c "${text}"`;

let stack: LabStack;
beforeAll(async () => {
  stack = await LabStack.open();
  await stack.configure({
    rest: {
      volumes: "remove",
      postgres: {
        nodes: [
          { id: 1, address: `${subnet}.51` },
          { id: 2, address: `${subnet}.52` },
        ],
        routers: [{ id: 1, address: `${subnet}.55` }],
        slotKeepMiB: 256,
        walKeepMiB: 128,
      },
    },
  });
  await stack.up();
}, 600_000);
afterAll(() => stack.close(), 120_000);

async function look(): Promise<z.infer<typeof reported> & { exitCode: number | undefined }> {
  const { exitCode, stdout, all } = await stack.veza("drift", "--json");
  try {
    return { exitCode, ...reported.parse(JSON.parse(stdout)) };
  } catch (error) {
    throw new Error(all, { cause: error });
  }
}

async function said(verb: string, ...words: readonly string[]): Promise<void> {
  const { exitCode, all } = await stack.veza(verb, ...words);
  expect(`${String(exitCode)} ${all}`).toMatch(/^0 /);
}

describe("a stack that was flipped, with a drained server, in maintenance", () => {
  beforeAll(async () => {
    await said("flip-db", "--yes");
    await stack.incus.haproxy("set server api_pool/backend-api-1 state drain");
    await said("maintenance up");
  }, 240_000);
  afterAll(async () => {
    await stack.incus.haproxy("set server api_pool/backend-api-1 state ready");
    await said("maintenance down");
  }, 180_000);

  it("has not drifted", async () => {
    const { exitCode, drift, unseen, runtime } = await look();
    expect({ exitCode, drift, unseen }).toEqual({ exitCode: 0, drift: [], unseen: [] });
    expect(runtime.map(({ kind, container }) => `${container ?? ""}: ${kind}`)).toEqual(
      expect.arrayContaining([
        "haproxy: maintenance",
        "backend-api-1: maintenance",
        "backend-api-2: maintenance",
        "haproxy: server",
        "postgres-2: flipped",
      ]),
    );
  }, 60_000);

  it("is left so by an update, which changes nothing", async () => {
    const before = (await look()).runtime;
    expect(changed((await stack.up()).changes)).toBe(0);
    expect((await look()).runtime).toEqual(before);
  }, 120_000);
});

describe("what was changed by hand in nodes and routers", () => {
  const byHand: readonly (readonly [container: string, shell: string, ...found: readonly string[]])[] = [
    [
      "postgres-2",
      "echo 'work_mem = 1MB' >>/etc/postgresql/veza/postgresql.conf",
      "file /etc/postgresql/veza/postgresql.conf",
    ],
    ["postgres-2", "echo 'x y' >>/etc/postgresql/veza/passwords", "file /etc/postgresql/veza/passwords"],
    ["postgres-2", "chmod 0666 /etc/pgbouncer/veza.ini", "file /etc/pgbouncer/veza.ini"],
    ["postgres-2", "systemctl disable --quiet veza-postgres-watch", "service veza-postgres-watch.service"],
    ["postgres-1", "systemctl unmask --quiet postgresql", "service postgresql.service"],
    ["postgres-1", "systemctl stop veza-postgres", "service veza-postgres.service", "topology postgres-1"],
    [
      "postgres-1",
      "echo true >/usr/local/lib/veza/postgres.d/mine.sh",
      "extra /usr/local/lib/veza/postgres.d/mine.sh",
    ],
    [
      "db-router-1",
      "sed -i 's/fall 2/fall 9/' /etc/haproxy/current/haproxy.cfg",
      "file /etc/haproxy/current/haproxy.cfg",
    ],
    ["db-router-1", "systemctl disable --quiet haproxy", "service haproxy.service"],
    ["postgres-2", sql("alter system set work_mem = '3MB'"), "setting work_mem"],
    ["postgres-2", "touch /etc/postgresql/veza/pg_hba.conf", "running /etc/postgresql/veza/pg_hba.conf"],
    ["postgres-2", sql("alter role veza_a superuser"), "role veza_a"],
    ["postgres-2", sql("grant pg_read_all_data to veza"), "role veza"],
    ["postgres-2", sql("alter role veza_b set work_mem = '1GB'"), "role veza_b"],
    ["postgres-2", sql("alter role veza_health connection limit 40"), "role veza_health"],
    ["postgres-2", sql("grant connect on database veza to public"), "database veza"],
  ];

  it("is found, and nothing else", async () => {
    for (const [container, shell] of byHand) await stack.incus.shell(container, shell);
    const { exitCode, drift } = await look();
    const expected = byHand.flatMap(([container, , ...found]) => found.map((one) => `${container}: ${one}`));
    expect(
      drift.map(({ container, kind, subject }) => `${container ?? ""}: ${kind} ${subject}`).sort(),
    ).toEqual(expected.sort());
    expect(exitCode).toBe(2);
    expect(drift.find(({ subject }) => subject.endsWith("/passwords"))?.patch).toBeUndefined();
  }, 120_000);

  it("is brought back while the primary goes on, and the next update has nothing to do", async () => {
    const primary = await stack.incus.mainPid("postgres-2", "veza-postgres");
    const { exitCode, all } = await stack.veza("drift", "--repair", "--yes");
    expect(`${String(exitCode)} ${all}`).toMatch(/^0 /);
    expect(await stack.incus.mainPid("postgres-2", "veza-postgres")).toBe(primary);
    await until("nothing has drifted", async () => (await look()).exitCode === 0);
    expect(changed((await stack.up()).changes)).toBe(0);
  }, 300_000);
});

describe("passwords and superusers that were made by hand", () => {
  const inPrimary = (text: string): Promise<string> => stack.incus.shell("postgres-2", sql(text));

  beforeAll(async () => {
    await inPrimary("alter role veza_a password 'by hand'");
    await inPrimary("alter role replicator password 'by hand'");
    await inPrimary("create role somebody superuser");
  }, 60_000);

  it("are found by trying what was applied", async () => {
    const { exitCode, drift } = await look();
    expect(exitCode).toBe(2);
    expect(
      drift.map(({ container, subject, says }) => `${container ?? ""} ${subject}: ${says}`).sort(),
    ).toEqual([
      "postgres-2 replicator: its password is not the one that was applied: postgres-1 is not let in",
      'postgres-2 somebody: it is a superuser that nobody applied: drop role "somebody", or alter role "somebody" nosuperuser',
      "postgres-2 veza_a: its password is not the one that was applied",
    ]);
  }, 60_000);

  it("are brought back, but for the superuser, who is a person's affair", async () => {
    const { exitCode, all } = await stack.veza("drift", "--repair", "--yes");
    expect(`${String(exitCode)} ${all}`).toMatch(/^2 /);
    expect((await look()).drift.map(({ subject }) => subject)).toEqual(["somebody"]);
    await inPrimary("drop role somebody");
    expect(await look()).toMatchObject({ exitCode: 0, drift: [], unseen: [] });
  }, 120_000);
});

describe("a setting that takes a restart, on the standby", () => {
  it("is taken back by restarting it, while the primary goes on", async () => {
    const postmaster = (node: string): Promise<string> => stack.incus.mainPid(node, "veza-postgres");
    await stack.incus.shell("postgres-1", sql("alter system set max_wal_senders = 9"));
    await stack.incus.shell("postgres-1", "systemctl restart veza-postgres");
    const before = [await postmaster("postgres-1"), await postmaster("postgres-2")];
    const settings = async (): Promise<string[]> =>
      (await look()).drift.map(({ container, kind, says }) => `${container ?? ""} ${kind}: ${says}`);
    await until(
      "only the setting differs",
      async () => (await settings()).join() === "postgres-1 setting: ALTER SYSTEM has set it to 9",
    );
    await said("drift", "--repair", "--yes");
    expect(await look()).toMatchObject({ exitCode: 0, drift: [], unseen: [] });
    expect(await stack.incus.shell("postgres-1", sql("show max_wal_senders"))).toBe("8");
    expect(await postmaster("postgres-1")).not.toBe(before[0]);
    expect(await postmaster("postgres-2")).toBe(before[1]);
  }, 180_000);
});
