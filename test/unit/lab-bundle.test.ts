import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { bundleStandIns, type BundledStandIn } from "../../lab/bundle.ts";

const exec = promisify(execFile);
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "veza-bundle-"));
});

afterAll(async () => {
  await rm(dir, { recursive: true });
});

describe("bundling the stand-ins", () => {
  it("gives the same digests for the same source, whatever the directory", async () => {
    const first = await bundleStandIns(join(dir, "first"));
    const second = await bundleStandIns(join(dir, "second"));
    expect(digests(second)).toEqual(digests(first));
    expect(first.map(({ app, path }) => [app, path])).toEqual([
      ["backend-api", join(dir, "first/backend-api.mjs")],
      ["stream-server", join(dir, "first/stream-server.mjs")],
    ]);
  });

  it("reports the digest that sha256sum computes", async () => {
    for (const { path, sha256 } of await bundleStandIns(dir)) {
      const { stdout } = await exec("sha256sum", [path]);
      expect(stdout.split(" ")[0]).toBe(sha256);
    }
  });

  it("gives another digest for another version", async () => {
    const one = digests(await bundleStandIns(dir, { version: "1" }));
    const two = digests(await bundleStandIns(dir, { version: "2" }));
    expect(one.filter((digest) => two.includes(digest))).toEqual([]);
  });
});

describe("a bundle run as a process", () => {
  it.each(["backend-api", "stream-server"])(
    "%s names its version and ends with 0 on SIGTERM",
    async (app) => {
      const child = await start(app, { PORT: "0" });
      expect(await firstLine(child)).toMatch(new RegExp(`^${app} v7: .* listens on port \\d+`));
      child.kill("SIGTERM");
      expect(await once(child, "exit")).toEqual([0, null]);
    },
  );

  it.each(["backend-api", "stream-server"])("%s exits with 1 when told to crash", async (app) => {
    const child = await start(app, { PORT: "0", CRASH: "1" });
    expect(await once(child, "exit")).toEqual([1, null]);
  });

  it("says which variable is wrong", async () => {
    const child = await start("backend-api", { PORT: "web" });
    let errors = "";
    child.stderr.on("data", (chunk) => (errors += String(chunk)));
    expect(await once(child, "close")).toEqual([1, null]);
    expect(errors).toContain('PORT is "web", expected a whole number from 0 to 65535');
  });
});

async function start(app: string, env: Record<string, string>) {
  const bundles = await bundleStandIns(join(dir, "run"), { version: "v7" });
  const path = bundles.find((bundle) => bundle.app === app)?.path ?? "";
  return spawn(process.execPath, [path], { env, stdio: ["ignore", "pipe", "pipe"] });
}

async function firstLine(child: { stdout: NodeJS.ReadableStream }): Promise<string> {
  const [chunk] = (await once(child.stdout, "data")) as [Buffer];
  return chunk.toString();
}

function digests(bundles: readonly BundledStandIn[]): string[] {
  return bundles.map(({ sha256 }) => sha256);
}
