import { describe, expect, it } from "@jest/globals";
import { containerDocument, hostDocument, unitDigest } from "../../src/incus/document.ts";
import { filesBody } from "../../src/incus/files-body.ts";
import { compare, type Found, type FoundContainer } from "../../src/ops/converge/compare.ts";
import { readMark } from "../../src/ops/converge/mark.ts";
import { recordedCommands } from "../../src/ops/recorded.ts";

const definition = '{\n  "config": {}\n}';
const urn = (name: string): string => `urn:pulumi:lab::veza-edge::command:local:Command::${name}`;
const command = (name: string, stdin: string): object => ({
  urn: urn(name),
  type: "command:local:Command",
  inputs: { create: "timeout --kill-after=5 60 bash -euo pipefail -s apply", stdin },
});
const project = hostDocument({
  parameters: { PROJECT: "veza-lab", NETWORK: "incusbr0" },
  script: "main() { :; }\n",
});
const container = (name: string): string =>
  hostDocument({
    parameters: {
      PROJECT: "veza-lab",
      CONTAINER: name,
      GENERATION: "g1",
      IMAGE: "veza/app",
      DEFINITION: definition,
    },
    script: "main() { :; }\n",
  });
const body = filesBody({
  unit: "config",
  files: [{ path: "/etc/a", content: "it's\n", mode: "0644", owner: "root:root" }],
});
const files = (name: string): string =>
  containerDocument({ project: "veza-lab", container: name, unit: "config", limitSeconds: 60, body });

const state = {
  deployment: {
    resources: [
      { urn: urn("stack"), type: "pulumi:pulumi:Stack" },
      command("project", project),
      command("a", container("a")),
      command("a-config", files("a")),
    ],
  },
};

const asApplied = new Map([
  ["container", unitDigest(`g1${definition}`)],
  ["config", unitDigest(body)],
]);
const found = (
  containers: FoundContainer[],
  unclean = false,
  volumes: Found["volumes"] = new Map(),
): Found => ({
  containers,
  volumes,
  mark: readMark(`${unclean ? "failed" : "done"} 2026-01-02T00:00:00.000Z`),
});
const there = (over: Partial<FoundContainer> = {}): FoundContainer => ({
  name: "a",
  state: "Running",
  createdAt: new Date("2026-01-01T00:00:00Z"),
  ours: true,
  units: asApplied,
  ...over,
});
const names = (commands: readonly { urn: string }[]): string[] =>
  commands.map((c) => c.urn.split("::").at(-1) ?? "");

describe("comparing a host with the stack's state", () => {
  const recorded = recordedCommands(state);

  it("finds nothing to do where everything was applied as the state says", () => {
    expect(compare(recorded, found([there()]))).toEqual({ again: [], leftovers: [] });
  });

  it("applies again what an update began and did not end", () => {
    const units = new Map([...asApplied, ["config", `pending ${unitDigest(body)}`]]);
    expect(names(compare(recorded, found([there({ units })])).again)).toEqual(["a-config"]);
  });

  it("applies again what a failed update changed, so that a reverted config is what is there", () => {
    const units = new Map([...asApplied, ["config", unitDigest("something newer\n")]]);
    expect(names(compare(recorded, found([there({ units })])).again)).toEqual(["a-config"]);
  });

  it("makes a missing container again, with what it stands on before and what is inside after", () => {
    expect(names(compare(recorded, found([])).again)).toEqual(["project", "a", "a-config"]);
  });

  it("removes containers and files that only a failed update knows", () => {
    const mine = { createdAt: new Date("2026-01-02T00:00:01Z"), units: new Map() };
    const units = new Map([...asApplied, ["extra", "x"]]);
    const containers = [there({ units }), there({ name: "b", ...mine })];
    expect(compare(recorded, found(containers, true)).leftovers).toEqual([
      { container: "a", unit: "extra" },
      { container: "b", unit: undefined },
    ]);
    expect(compare(recorded, found(containers)).leftovers).toEqual([]);
  });

  it("leaves alone what is older than the failed update, what others made, and everything when the state is lost", () => {
    const older = there({ name: "b", units: new Map() });
    const foreign = there({ name: "c", ours: false, createdAt: new Date("2026-01-03T00:00:00Z") });
    expect(compare(recorded, found([there(), older, foreign], true)).leftovers).toEqual([]);
    const all = there({ createdAt: new Date("2026-01-03T00:00:00Z") });
    expect(compare([], found([all], true))).toEqual({ again: [], leftovers: [] });
  });
});

describe("comparing volumes and programs with the stack's state", () => {
  const volume = (keep: string, size: string): string =>
    hostDocument({
      parameters: { PROJECT: "veza-lab", VOLUME: "acme", STORAGE: "default", KEEP: keep, SIZE: size },
      script: "main() { :; }\n",
    });
  const withVolume = '{\n  "devices": { "volume-acme": { "source": "acme" } }\n}';
  const program = hostDocument({
    parameters: { PROJECT: "veza-lab", CONTAINER: "a", COMMAND: "/bin/renew", LIMIT: 300, BECAUSE: "" },
    script: "main() { :; }\n",
  });
  const recorded = recordedCommands({
    deployment: {
      resources: [
        command("project", project),
        command("acme", volume("keep", "5GiB")),
        command("a", container("a").replace(definition, withVolume)),
        command("a-config", files("a")),
        command("a-issue", program),
      ],
    },
  });
  const units = new Map([...asApplied, ["container", unitDigest(`g1${withVolume}`)]]);
  const again = (containers: FoundContainer[], volumes: Record<string, string>): string[] =>
    names(compare(recorded, found(containers, false, new Map(Object.entries(volumes)))).again);

  it("finds nothing to do where the volume is as the state says, and asks nothing of a program", () => {
    expect(again([there({ units })], { "default/acme": "keep 5GiB" })).toEqual([]);
  });

  it("applies a volume again that has another size, that is not to be kept, or that nobody handed over", () => {
    for (const remembered of ["keep 6GiB", "remove 5GiB", "keep", ""])
      expect(again([there({ units })], { "default/acme": remembered })).toEqual(["acme"]);
  });

  it("makes a lost volume again, and gives it to the container that is still there", () => {
    expect(again([there({ units })], {})).toEqual(["acme", "a"]);
    expect(again([there({ units })], { "other/acme": "keep 5GiB" })).toEqual(["acme", "a"]);
  });

  it("runs a program again only when its own container has to be made again", () => {
    expect(again([], { "default/acme": "keep 5GiB" })).toEqual(["project", "a", "a-config", "a-issue"]);
    const other = recordedCommands({
      deployment: { resources: [command("b", container("b")), command("a-issue", program)] },
    });
    expect(names(compare(other, found([there({ units })])).again)).toEqual(["b"]);
  });

  it("names a volume without a size as one that is only kept", () => {
    const [read] = recordedCommands({
      deployment: { resources: [command("acme", volume("keep", ""))] },
    });
    expect(read).toMatchObject({
      container: undefined,
      unit: undefined,
      volume: { pool: "default", name: "acme" },
      digest: "keep",
    });
  });
});

describe("reading commands from the state", () => {
  it("opens secrets, and knows the host of a remote command", () => {
    const secret = {
      "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
      plaintext: JSON.stringify(files("a")),
    };
    const connection = { host: "198.51.100.7", port: 2222, user: "ops", hostKey: "ssh-ed25519 AAAA" };
    const resource = { ...command("a-config", ""), type: "command:remote:Command" };
    const inputs = {
      create: "timeout --kill-after=5 210 bash -euo pipefail -s apply",
      stdin: secret,
      connection,
    };
    const [read] = recordedCommands({ deployment: { resources: [{ ...resource, inputs }] } });
    expect(read).toMatchObject({
      connection: { connection: "ssh", address: "198.51.100.7", port: 2222, user: "ops" },
      container: "a",
      unit: "config",
      digest: unitDigest(body),
      limitSeconds: 210,
    });
  });

  it("skips what is only waiting for its deletion", () => {
    const resources = [{ ...command("a-config", files("a")), delete: true }];
    expect(recordedCommands({ deployment: { resources } })).toEqual([]);
  });
});
