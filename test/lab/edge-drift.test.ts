import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { appendFile, copyFile, mkdir, readFile, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { startLoad } from "../../src/ops/load/start-load.ts";
import { changed } from "../../tools/verbs/pulumi.ts";
import { edgeAddress, publicUrl, publishedHttpsPort, publishedPort, subnet } from "./support/edge-config.ts";
import { handMade, makeByHand } from "./support/hand-made-drift.ts";
import { LabStack } from "./support/stack.ts";
import { serversOf } from "./support/statistics.ts";
import { until } from "./support/until.ts";

const reported = z.object({
  verdict: z.string(),
  seconds: z.number(),
  drift: z.array(
    z.object({
      kind: z.string(),
      container: z.string().optional(),
      subject: z.string(),
      says: z.string(),
      patch: z.string().optional(),
      repairable: z.boolean(),
    }),
  ),
  runtime: z.array(z.object({ kind: z.string(), container: z.string().optional(), says: z.string() })),
  unseen: z.array(z.unknown()),
});
type Reported = z.infer<typeof reported>;

let stack: LabStack;
beforeAll(async () => {
  stack = await LabStack.open();
  await stack.configure({
    stream: [1],
    streamFleet: { artifact: { path: await archive() } },
    loadBalancer: {
      instances: [{ address: edgeAddress, publish: [{ http: publishedPort, https: publishedHttpsPort }] }],
      slowStartSeconds: 1,
    },
    rest: {
      volumes: "remove",
      letsencrypt: {
        contact: "ops@veza.test",
        publicAddresses: [edgeAddress],
        certificates: [{ names: ["veza.test"] }],
        pebble: { address: `${subnet}.40` },
      },
    },
  });
  await stack.up();
}, 300_000);
afterAll(() => stack.close(), 120_000);

/** stream-server as an archive, with files beside it. */
async function archive(): Promise<string> {
  const source = join(stack.directory, "stream-server");
  await mkdir(join(source, "lib"), { recursive: true });
  await copyFile(join(stack.release("one"), "stream-server.mjs"), join(source, "stream-server.mjs"));
  for (const name of ["one.js", "two.js"]) await writeFile(join(source, "lib", name), `// ${name}\n`);
  await symlink("lib/one.js", join(source, "start.js"));
  const path = join(stack.directory, "stream-server.tar.gz");
  await execa("tar", ["-czf", path, "-C", source, "."]);
  return path;
}

async function look(...words: readonly string[]): Promise<Reported & { exitCode: number | undefined }> {
  const { exitCode, stdout, stderr } = await stack.veza("drift", "--json", ...words);
  try {
    return { exitCode, ...reported.parse(JSON.parse(stdout)) };
  } catch (error) {
    throw new Error(`${String(exitCode)}\n${stderr}\n${stdout}`, { cause: error });
  }
}

/** What `status` says of the last look. */
async function lastLook(): Promise<{
  readonly at: Date;
  readonly items: number;
  readonly unseen: number;
} | null> {
  const { stdout } = await stack.veza("status", "--json");
  const look = z.object({ at: z.coerce.date(), items: z.number(), unseen: z.number() });
  return z.object({ drift: z.object({ seen: look.nullable() }) }).parse(JSON.parse(stdout)).drift.seen;
}

const names = ({ drift }: Reported): string[] =>
  drift.map(({ kind, container, subject }) => `${container ?? "host"}: ${kind} ${subject}`).sort();

describe("a look at a stack", () => {
  it("finds nothing where nothing was done, and tells Prometheus so", async () => {
    const file = join(stack.directory, "drift.prom");
    expect(await lastLook()).toBeNull();
    const clean = await look("--metrics", file);
    expect(clean).toMatchObject({ exitCode: 0, verdict: "clean", drift: [], unseen: [] });
    console.log(`looked around in ${clean.seconds.toFixed(1)} s`);
    const metrics = await readFile(file, "utf8");
    expect(metrics).toContain(`veza_drift_items{stack="${stack.name}"} 0`);
    const [, at] = /^veza_drift_last_look_timestamp_seconds\{.*\} (\d+)$/m.exec(metrics) ?? [];
    expect(Math.abs(Number(at) - Date.now() / 1000)).toBeLessThan(60);
  }, 60_000);

  it("leaves when that was and what was found for status, which is no drift, and looks all the same where it cannot", async () => {
    const left = (await lastLook()) ?? { at: new Date(0) };
    expect(left).toMatchObject({ items: 0, unseen: 0 });
    expect(Date.now() - left.at.getTime()).toBeLessThan(60_000);
    const words = ["--no-fork", `/run/veza/lock/update-${stack.incus.name}`, "sleep", "infinity"];
    const held = execa("flock", words, { reject: false });
    try {
      expect(await look()).toMatchObject({ exitCode: 0, verdict: "clean", drift: [] });
    } finally {
      held.kill();
      await held;
    }
    expect(await lastLook()).toEqual(left);
  }, 60_000);

  it("calls what an operator or a certificate authority decided no drift", async () => {
    await stack.incus.haproxy("set server api_pool/backend-api-2 state drain");
    const drained = await look();
    await stack.incus.haproxy("set server api_pool/backend-api-2 state ready");
    expect(drained).toMatchObject({ exitCode: 0, verdict: "clean", drift: [] });
    expect(drained.runtime.map(({ kind, container, says }) => `${container ?? ""} ${kind}: ${says}`)).toEqual(
      expect.arrayContaining([
        "haproxy certificates: issued: veza.test",
        "haproxy server: api_pool/backend-api-2 is in drain",
      ]),
    );
  }, 60_000);

  it("says that it cannot see a container that does not answer, and ends with 3", async () => {
    const bash = "$(readlink -f /bin/bash)";
    await stack.incus.shell("pebble", `cp -a ${bash} /root/bash && rm ${bash}`);
    const blind = await look();
    await execa("incus", [
      "exec",
      "pebble",
      "--project",
      stack.incus.name,
      "--",
      "cp",
      "-a",
      "/root/bash",
      "/usr/bin/bash",
    ]);
    expect(blind).toMatchObject({ exitCode: 3, verdict: "unseen", drift: [] });
    expect(blind.unseen).toEqual([expect.objectContaining({ container: "pebble" })]);
    expect((await stack.veza("drift", "--stack", "lab-t-none")).exitCode).toBe(3);
  }, 90_000);
});

describe("what was changed by hand", () => {
  let found: Reported;
  const artifact = async (): Promise<string> => {
    const directory = `/var/lib/veza/artifacts/${stack.incus.name}/backend-api-artifact-main`;
    return join(directory, (await readdir(directory))[0] ?? "");
  };

  beforeAll(async () => {
    for (const drift of handMade) await makeByHand(stack.incus, drift);
    await appendFile(await artifact(), "// by hand\n");
    const volume = ["default", "haproxy-acme", "size=2GiB", "--project", stack.incus.name];
    await execa("incus", ["storage", "volume", "set", ...volume]);
    found = await look();
  }, 120_000);

  it("is found, all of it and nothing else", async () => {
    const expected = [
      ...handMade
        // Of a stopped container only that is known.
        .filter(({ in: container, kind }) => container !== "pebble" || kind === "container")
        .map(({ in: container, kind, subject }) => `${container}: ${kind} ${subject}`),
      `host: artifact ${await artifact()}`,
      "host: volume haproxy-acme",
    ];
    expect(names(found)).toEqual(expected.sort());
    expect(found.verdict).toBe("drift");
    expect((await lastLook())?.items).toBe(expected.length);
  });

  it.each(handMade.filter(({ in: container, kind }) => container !== "pebble" || kind === "container"))(
    "is told in words: $what",
    ({ in: container, kind, subject, says }) => {
      const one = found.drift.find(
        (drift) => drift.container === container && drift.kind === kind && drift.subject === subject,
      );
      expect(one?.says).toMatch(says);
      expect(one?.repairable).toBe(true);
    },
  );

  it("is shown as a diff", () => {
    const one = found.drift.find(({ subject }) => subject === "/etc/veza/backend-api.env");
    expect(one?.patch).toContain('\n+DEBUG="yes"\n');
  });

  it("is brought back without a failed request, and the next update has nothing to do", async () => {
    await until(
      "one instance serves",
      async () => (await serversOf("api_pool")).get("backend-api-1")?.status === "UP",
    );
    const http = { clients: 3, paths: ["/api/v1/whoami"], pace: { kind: "closed", pauseMs: 10 } } as const;
    const requests = startLoad({
      baseUrl: publicUrl,
      http: [
        { ...http, name: "pinned", pinned: true },
        { ...http, name: "unpinned", pinned: false },
      ],
      maxSeconds: 240,
    });
    const { exitCode, stderr } = await stack.veza("drift", "--json", "--repair", "--yes");
    const report = await requests.stop();
    expect(`${String(exitCode)} ${stderr}`).toMatch(/^0 /);
    expect(report.http.map(({ firstFailures }) => firstFailures)).toEqual([[], []]);
    expect(report.http.every(({ requests }) => requests > 100)).toBe(true);
    // The secret one shows up when its container runs again.
    expect(stderr).toContain("What follows from that:");
    expect(await look()).toMatchObject({ exitCode: 0, drift: [], unseen: [] });
    expect(changed((await stack.up()).changes)).toBe(0);
  }, 300_000);
});
