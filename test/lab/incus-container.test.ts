import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execa, type Options } from "execa";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { imagesSchema } from "../../src/config/incus.ts";
import { containerDocument, hostDocument, unitDigest } from "../../src/incus/document.ts";
import { filesBody } from "../../src/incus/files-body.ts";
import { imageAlias } from "../../src/incus/image.ts";
import { readScript } from "../../src/shell/read-script.ts";
import { removeProjects } from "../../tools/machine/projects.ts";

const project = "veza-test-incus";
const container = "incus-one";
const image = imageAlias("app", imagesSchema.parse({}).app);
const room = new URL("../../src/incus/", import.meta.url).href;
const converge = new URL("../../src/ops/converge/", import.meta.url).href;

const script = (...urls: readonly string[]): string => urls.map((url) => readScript(url, url)).join("");

function containerScript(over: { generation?: string; publish?: number; name?: string } = {}): string {
  const { generation = "g1", publish = 18_481, name = container } = over;
  const definition = {
    config: { "user.veza.generation": generation, "boot.autostart": "false" },
    devices: {
      root: { type: "disk", path: "/", pool: "default" },
      eth0: { type: "nic", name: "eth0", network: "incusbr0", "ipv4.address": "10.77.0.110" },
      [`port-${String(publish)}`]: {
        type: "proxy",
        listen: `tcp:127.0.0.1:${String(publish)}`,
        connect: "tcp:127.0.0.1:22",
      },
    },
  };
  return hostDocument({
    parameters: {
      PROJECT: project,
      CONTAINER: name,
      GENERATION: generation,
      IMAGE: image,
      DEFINITION: JSON.stringify(definition, null, 2),
    },
    script: script(`${room}about-container.sh`, `${room}container.sh`),
  });
}

function filesScript(followUp?: string): string {
  const files = [{ path: "/etc/veza-test/a", content: "one\n", mode: "0640", owner: "root:root" }];
  const body = filesBody({
    unit: "test",
    files,
    ...(followUp === undefined ? {} : { followUp: { script: followUp } }),
  });
  return containerDocument({ project, container, unit: "test", limitSeconds: 20, body });
}

interface Said {
  readonly status: number | undefined;
  readonly text: string;
}

async function say(document: string, action = "apply", options: Options = {}): Promise<Said> {
  const run = await execa("bash", ["-euo", "pipefail", "-s", action], {
    ...options,
    input: document,
    reject: false,
    all: true,
    encoding: "utf8",
  });
  return { status: run.exitCode, text: String(run.all) };
}

const incus = async (...words: string[]): Promise<string> =>
  (await execa("incus", [...words, "--project", project], { stdin: "ignore" })).stdout;
const createdAt = async (name = container): Promise<string | undefined> =>
  (JSON.parse(await incus("list", "--format", "json")) as { name: string; created_at: string }[]).find(
    (one) => one.name === name,
  )?.created_at;
const devices = async (): Promise<string[]> =>
  (await incus("config", "device", "list", container)).split("\n").sort();
const inside = async (line: string): Promise<number | undefined> =>
  (
    await execa("incus", ["exec", container, "--project", project, "-T", "--", "sh", "-c", line], {
      stdin: "ignore",
      reject: false,
    })
  ).exitCode;

beforeAll(async () => {
  await removeProjects([project]);
  const packages = imagesSchema.parse({}).app.packages.join(",");
  const built = hostDocument({
    parameters: { ALIAS: image, SUITE: "trixie", PACKAGES: packages },
    script: script(`${room}image.sh`),
  });
  expect(await say(built)).toEqual({ status: 0, text: "" });
  const made = hostDocument({
    parameters: { PROJECT: project, NETWORK: "incusbr0", GATEWAY: "10.77.0.1/24", STORAGE: "default" },
    script: script(`${room}project.sh`),
  });
  expect(await say(made)).toEqual({ status: 0, text: "" });
  expect(await say(containerScript())).toEqual({ status: 0, text: "" });
}, 300_000);

afterAll(async () => {
  await removeProjects([project]);
}, 60_000);

describe("a container that is there", () => {
  it("stays the one it is when it is applied again", async () => {
    const before = await createdAt();
    expect(await say(containerScript())).toEqual({ status: 0, text: "" });
    expect(await createdAt()).toBe(before);
  });

  it("keeps its ports when Incus refuses new ones, and is known to be in between until the old ones are applied", async () => {
    const before = await devices();
    const taken = createServer().listen(18_482, "127.0.0.1");
    try {
      const refused = await say(containerScript({ publish: 18_482 }));
      expect(refused.status).toBe(1);
      expect(refused.text).toContain("The container goes on as it was");
    } finally {
      taken.close();
    }
    expect(await devices()).toEqual(before);
    expect(await incus("config", "get", container, "user.veza.unit.container")).toMatch(/^pending /);
    expect((await say(containerScript())).status).toBe(0);
    expect(await incus("config", "get", container, "user.veza.unit.container")).not.toMatch(/^pending /);
  });

  it("is neither made anew nor forgotten when Incus does not answer a look", async () => {
    const before = await createdAt();
    const folder = await mkdtemp(join(tmpdir(), "veza-no-answer-"));
    const real = (await execa("sh", ["-c", "command -v incus"])).stdout;
    await writeFile(join(folder, "incus"), `#!/bin/sh\n[ "$1" != list ] || exit 1\nexec ${real} "$@"\n`);
    await chmod(join(folder, "incus"), 0o755);
    const env = { PATH: `${folder}:${process.env["PATH"] ?? ""}` };
    try {
      for (const action of ["apply", "delete"]) {
        const said = await say(containerScript(), action, { env });
        expect(said.status).toBe(1);
        expect(said.text).toContain("Incus does not answer");
      }
    } finally {
      await rm(folder, { recursive: true });
    }
    expect(await createdAt()).toBe(before);
  });

  it("is not taken over when it was not made by this program", async () => {
    await execa(
      "incus",
      ["init", image, "incus-two", "--project", project, "--no-profiles", "--storage", "default"],
      { stdin: "ignore" },
    );
    const before = await createdAt("incus-two");
    const said = await say(containerScript({ name: "incus-two" }));
    expect(said.text).toContain("was not made by this stack");
    expect(await createdAt("incus-two")).toBe(before);
  });

  it("is not removed by a resource that made its predecessor", async () => {
    expect((await say(containerScript({ generation: "g0" }), "delete")).status).toBe(0);
    expect(await createdAt()).toBeDefined();
  });

  it("that somebody stopped stays so, and says it where something is to be applied inside", async () => {
    await incus("stop", "--force", container);
    expect((await say(containerScript())).text).toContain("STOPPED and was left so");
    expect((await say(filesScript())).text).toContain(`Start it: incus start ${container}`);
    await incus("start", container);
    expect((await say(containerScript())).status).toBe(0);
  }, 60_000);
});

describe("a unit of files", () => {
  it("is there after it was applied, and gone after it was deleted", async () => {
    expect(await say(filesScript())).toEqual({ status: 0, text: "" });
    expect(await inside('[ "$(stat -c %a /etc/veza-test/a)" = 640 ]')).toBe(0);
    expect(await say(filesScript(), "delete")).toEqual({ status: 0, text: "" });
    expect(await inside("[ ! -e /etc/veza-test/a ]")).toBe(0);
  });

  it("that fails is put back, and known to be in between", async () => {
    const said = await say(filesScript('follow_up() { place; fail "no good"; }\n'));
    expect(said.status).toBe(1);
    expect(said.text).toContain("no good");
    expect(await inside("[ ! -e /etc/veza-test/a ]")).toBe(0);
    expect(await incus("config", "get", container, "user.veza.unit.test")).toMatch(/^pending /);
  });

  it("that never was complete can be removed as a leftover", async () => {
    await say(filesScript("follow_up() { place; kill -9 $$; }\n"));
    expect(await inside("[ -e /etc/veza-test/a ]")).toBe(0);
    const removal = hostDocument({
      parameters: { PROJECT: project, CONTAINER: container, UNIT: "test" },
      script: script(`${room}about-container.sh`, `${converge}remove.sh`),
    });
    expect(await say(removal)).toEqual({ status: 0, text: "" });
    expect(await inside("[ ! -e /etc/veza-test/a ] && [ ! -e /var/lib/veza/units/test ]")).toBe(0);
    expect(await incus("config", "get", container, "user.veza.unit.test")).toBe("");
  });

  it("is remembered by the digest that is computed from its text", async () => {
    await say(filesScript());
    const body = filesBody({
      unit: "test",
      files: [{ path: "/etc/veza-test/a", content: "one\n", mode: "0640", owner: "root:root" }],
    });
    expect(await incus("config", "get", container, "user.veza.unit.test")).toBe(unitDigest(body));
  });
});

describe("waiting for what an earlier update started", () => {
  const settle = hostDocument({
    parameters: { PROJECT: project, WAIT: 2 },
    script: script(`${converge}settle.sh`),
  });

  it("ends at once where nothing is at work", async () => {
    expect(await say(settle)).toEqual({ status: 0, text: "" });
  });

  it("names the process that still is", async () => {
    const lock = `/run/veza/lock/${project}/${container}`;
    const holder = execa("flock", [lock, "sleep", "30"], { reject: false });
    try {
      await new Promise((resolve) => setTimeout(resolve, 300));
      const said = await say(settle);
      expect(said.status).toBe(1);
      expect(said.text).toContain(String(holder.pid));
    } finally {
      // The process that holds the lock is flock's child.
      await execa("pkill", ["-P", String(holder.pid)], { reject: false });
      await holder;
    }
  });
});

describe("a container that is made anew", () => {
  it("has what an operator has told all of the project, and nothing that is over", async () => {
    const notes = "/var/lib/veza/notes";
    await incus("project", "set", project, "user.veza.note.closed.map=0.0.0.0/0 yes\n::/0 yes\n");
    await incus("project", "set", project, "user.veza.note.services-stopped=yes");
    expect((await say(containerScript({ generation: "g2" }))).status).toBe(0);
    expect(
      await inside(`[ "$(grep -c ' yes$' ${notes}/closed.map)" = 2 ] && [ -f ${notes}/services-stopped ]`),
    ).toBe(0);
    for (const note of ["closed.map", "services-stopped"])
      await incus("project", "unset", project, `user.veza.note.${note}`);
    expect((await say(containerScript())).status).toBe(0);
    expect(await inside(`[ ! -e ${notes} ]`)).toBe(0);
  }, 60_000);
});
