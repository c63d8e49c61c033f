import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTcpServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { execa } from "execa";

import { obtain, readOrigin, type Source } from "../../tools/toolchain/obtain.ts";
import { vendorRelease, type Vendor } from "../../tools/toolchain/pieces.ts";

/** Short enough to wait for in a test, in ms. */
const limits = { connect: 500, silence: 500, total: 1500 };

let root: string;
let tarball: Buffer;
let sha256: string;
let server: Server;
let answer: RequestListener;
let url: string;
let requests: string[];

beforeAll(async () => {
  const made = mkdtempSync(join(tmpdir(), "veza-release-"));
  mkdirSync(join(made, "pulumi"));
  writeFileSync(join(made, "pulumi", "pulumi"), "#!/bin/sh\necho v9.9.9\n", { mode: 0o755 });
  writeFileSync(join(made, "pulumi", "pulumi-language-nodejs"), "host", { mode: 0o755 });
  writeFileSync(join(made, "pulumi", "pulumi-language-go"), "not wanted", { mode: 0o755 });
  await execa("tar", ["-czf", "release.tar.gz", "pulumi"], { cwd: made });
  tarball = readFileSync(join(made, "release.tar.gz"));
  sha256 = createHash("sha256").update(tarball).digest("hex");
  rmSync(made, { recursive: true });

  server = createServer((request, response) => {
    requests.push(request.url ?? "");
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${portOf(server)}`;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "veza-toolchain-"));
  requests = [];
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

function portOf(listening: { address(): string | AddressInfo | null }): number {
  const address = listening.address();
  if (typeof address !== "object" || address === null) throw new Error("not listening");
  return address.port;
}

function release(vendor: Vendor): Source {
  const files = ["pulumi/pulumi", "pulumi/pulumi-language-nodejs"];
  return vendorRelease(vendor, { path: "sdk/x.tar.gz", version: "9.9.9", sha256, files }, limits);
}

/** Stands for the build, which takes minutes: the road after the vendor's. */
const built: Source = {
  road: "built",
  take(dir) {
    writeFileSync(join(dir, "pulumi"), "built");
    return Promise.resolve({ version: "9.9.9", from: "Go modules" });
  },
};

/** What was said last, the seconds it took and the files that are there after. */
async function get(sources: readonly Source[]) {
  const dir = join(root, "cli-9.9.9");
  const notes: string[] = [];
  const started = performance.now();
  const origin = await obtain(dir, sources, (note) => notes.push(note)).catch((error: unknown) =>
    String(error),
  );
  return {
    origin,
    said: notes.at(-1) ?? "",
    seconds: (performance.now() - started) / 1000,
    left: readdirSync(root).sort(),
    files: existsSync(dir) ? readdirSync(dir).sort() : [],
  };
}

const onlyThePiece = ["cli-9.9.9", "cli-9.9.9.lock"];

describe("the vendor's release", () => {
  it("is used when its checksum is the pinned one, and only what is wanted of it is kept", async () => {
    answer = (_request, response) => response.end(tarball);
    const got = await get([release({ url }), built]);
    expect(got.origin).toEqual({ road: "vendor", version: "9.9.9", from: `${url}/sdk/x.tar.gz` });
    expect(got.files).toEqual(["origin.json", "pulumi", "pulumi-language-nodejs"]);
    expect(got.left).toEqual(onlyThePiece);
    expect((await execa(join(root, "cli-9.9.9", "pulumi"))).stdout).toBe("v9.9.9");
  });

  it("is not asked for twice", async () => {
    answer = (_request, response) => response.end(tarball);
    await get([release({ url })]);
    const again = await get([release({ url })]);
    expect(again.said).toBe("9.9.9, from the cache");
    expect(requests).toEqual(["/sdk/x.tar.gz"]);
  });

  it("is fetched once by two set-ups at the same time", async () => {
    answer = (_request, response) => setTimeout(() => response.end(tarball), 200);
    const both = await Promise.all([get([release({ url })]), get([release({ url })])]);
    expect(both.map(({ origin }) => origin)).toEqual([both[0].origin, both[0].origin]);
    expect(both[0].files).toEqual(["origin.json", "pulumi", "pulumi-language-nodejs"]);
    expect(requests).toEqual(["/sdk/x.tar.gz"]);
  });

  it("is not even asked for when no checksum is pinned", async () => {
    const unpinned = vendorRelease(
      { url },
      { path: "p", version: "9.9.9", sha256: undefined, files: [] },
      limits,
    );
    const got = await get([unpinned, built]);
    expect(got.said).toContain("not vendor: no checksum is pinned in tools/versions.json");
    expect(requests).toEqual([]);
  });

  const failures: readonly { name: string; serve: RequestListener; says: RegExp; withinSeconds: number }[] = [
    {
      name: "with another checksum",
      serve: (_request, response) => response.end(Buffer.concat([tarball, Buffer.from("x")])),
      says: /checksum of .*x\.tar\.gz is [0-9a-f]{64}, pinned is [0-9a-f]{64}: not used/,
      withinSeconds: 1,
    },
    {
      name: "cut off in the middle",
      serve: (_request, response) => {
        response.writeHead(200, { "content-length": tarball.length });
        response.write(tarball.subarray(0, tarball.length / 2));
        setTimeout(() => response.destroy(), 50);
      },
      says: /x\.tar\.gz: .*\(after \d+ bytes\)/,
      withinSeconds: 1,
    },
    {
      name: "that is not there",
      serve: (_request, response) => response.writeHead(404).end("no such release"),
      says: /x\.tar\.gz: HTTP status 404/,
      withinSeconds: 1,
    },
    {
      name: "that never answers",
      serve: () => undefined,
      says: /x\.tar\.gz: .*Timeout/i,
      withinSeconds: 2.5,
    },
    {
      name: "that stops in the middle and stays silent",
      serve: (_request, response) => {
        response.writeHead(200, { "content-length": tarball.length });
        response.write(tarball.subarray(0, 10));
      },
      says: /x\.tar\.gz: .*Timeout.*\(after 10 bytes\)/i,
      withinSeconds: 2.5,
    },
    {
      name: "that trickles without end",
      serve: (_request, response) => {
        response.writeHead(200, { "content-length": 1e6 });
        const drip = setInterval(() => response.write("x"), 100);
        response.on("close", () => clearInterval(drip));
      },
      says: /x\.tar\.gz: .*(timeout|aborted).*\(after \d+ bytes\)/i,
      withinSeconds: 2.5,
    },
  ];

  it.each(failures)("$name is given up within its limit, and the next road is taken", async (failure) => {
    answer = failure.serve;
    const got = await get([release({ url }), built]);
    expect(got.origin).toEqual({ road: "built", version: "9.9.9", from: "Go modules" });
    expect(got.said).toMatch(failure.says);
    expect(got.said).toMatch(/^9\.9\.9, built: Go modules; not vendor: /);
    expect(got.seconds).toBeLessThan(failure.withinSeconds);
    expect(got.left).toEqual(onlyThePiece);
    expect(got.files).toEqual(["origin.json", "pulumi"]);
  });

  it("whose host refuses is tried once for all pieces", async () => {
    const vendor: Vendor = { url: `http://127.0.0.1:${await closedPort()}` };
    const first = await get([release(vendor), built]);
    expect(first.said).toContain("ECONNREFUSED");
    expect(first.seconds).toBeLessThan(1);
    rmSync(join(root, "cli-9.9.9"), { recursive: true });
    const second = await get([release(vendor), built]);
    expect(second.said).toContain(`not vendor: ${vendor.url} cannot be reached`);
  });
});

describe("a piece that cannot be had", () => {
  it("names every road's reason and leaves nothing behind", async () => {
    const noPath: Source = { road: "path", take: () => Promise.resolve("no pulumi on PATH") };
    answer = (_request, response) => response.writeHead(500).end();
    const got = await get([noPath, release({ url })]);
    expect(got.origin).toMatch(
      /no way to get it on this machine:\n {2}not path: no pulumi on PATH\n {2}not vendor: /,
    );
    expect(got.left).toEqual(["cli-9.9.9.lock"]);
  });
});

describe("a piece in the cache", () => {
  it("that a killed set-up left half done is made again", async () => {
    const dir = join(root, "cli-9.9.9");
    mkdirSync(dir);
    writeFileSync(join(dir, "pulumi"), "half");
    mkdirSync(`${dir}.unfinished`);
    writeFileSync(join(`${dir}.unfinished`, "pulumi"), "half");
    const got = await get([built]);
    expect(readFileSync(join(dir, "pulumi"), "utf8")).toBe("built");
    expect(got.left).toEqual(onlyThePiece);
  });

  it("that was used where it was found is looked for again when it is another one now", async () => {
    const own = join(root, "own-pulumi");
    writeFileSync(own, "1");
    const found: Source = {
      road: "path",
      take: () =>
        Promise.resolve({ version: "9.9.9", from: own, found: { path: own, size: 1, mtimeMs: -1 } }),
    };
    await get([found]);
    expect(readOrigin(join(root, "cli-9.9.9"))).toBeUndefined();
    expect((await get([built])).origin).toMatchObject({ road: "built" });
  });
});

/** A port that nobody listens on. */
async function closedPort(): Promise<number> {
  const probe = createTcpServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const port = portOf(probe);
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
