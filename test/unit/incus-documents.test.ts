import { beforeAll, describe, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { Container } from "../../src/incus/container.ts";
import { Exec } from "../../src/incus/exec.ts";
import { Files } from "../../src/incus/files.ts";
import { readContainerDocument } from "../../src/incus/document.ts";
import type { FilesSpec } from "../../src/incus/files-body.ts";
import { Host } from "../../src/incus/host.ts";
import { Image } from "../../src/incus/image.ts";
import { Project } from "../../src/incus/project.ts";
import { Volume } from "../../src/incus/volume.ts";

/** Inputs of the commands by name, secrets opened; what is not known is left out. */
const commands = new Map<string, Record<string, unknown>>();
const secretInputs = new Map<string, string[]>();
const dependencies = new Map<string, readonly string[]>();

/** The engine's mark of a secret is taken off. */
const opened = (inputs: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(inputs).map(([key, value]: [string, unknown]) => [
      key,
      typeof value === "object" && value !== null && "value" in value ? value.value : value,
    ]),
  );

/** The parameters that a document begins with, and nothing of its script. */
function parameters(name: string): string {
  const stdin = String(commands.get(name)?.["stdin"]);
  return stdin.slice(0, stdin.indexOf('\n: "${') + 1);
}

const spec = (content: string): FilesSpec => ({
  unit: "keys",
  files: [{ path: "/etc/key", content, mode: "0600", owner: "root:root" }],
});

beforeAll(async () => {
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        if (type === "command:local:Command") commands.set(name, opened(inputs as object));
        return { id: name, state: inputs as object };
      },
      call: ({ inputs }) => inputs as object,
    },
    "veza-edge",
    "lab",
    true,
  );
  await pulumi.runtime.runInPulumiStack(() => {
    const names = new Map<pulumi.Resource, string>();
    pulumi.runtime.registerStackTransformation(({ name, resource, props, opts }) => {
      names.set(resource, name);
      const after = [(opts as pulumi.CustomResourceOptions).dependsOn ?? []].flat();
      dependencies.set(
        name,
        after.flatMap((one) => (pulumi.Resource.isInstance(one) ? (names.get(one) ?? []) : [])),
      );
      for (const [key, value] of Object.entries(props))
        void pulumi.isSecret(pulumi.output(value)).then((is) => {
          if (is) secretInputs.set(name, [...(secretInputs.get(name) ?? []), key]);
        });
      return undefined;
    });
    const host = new Host("main", { connection: "local" });
    const project = new Project("project", {
      host,
      project: "veza-lab",
      network: { bridge: "incusbr0", gateway: "10.77.0.1/24" },
      storage: "default",
    });
    const image = new Image("image", {
      host,
      image: "app",
      spec: { suite: "trixie", packages: [], revision: 1 },
    });
    const kept = new Volume("kept", { project, volume: "acme", keep: true });
    const sized = new Volume("sized", { project, volume: "scratch", keep: false, sizeGiB: 5 });
    const container = new Container("a", {
      project,
      image,
      spec: {
        name: "a",
        address: "10.77.0.2",
        volumes: [
          { volume: kept, path: "/var/lib/dehydrated" },
          { volume: sized, path: "/srv/in", readOnly: true },
        ],
      },
    });
    new Container("bare", { project, image, spec: { name: "a", address: "10.77.0.2" } });
    const files = new Files("plain", { container, spec: spec("plain\n") });
    new Files("made", { container, spec: pulumi.output("made\n").apply(spec) });
    new Exec("issue", {
      container,
      command: ["/usr/local/lib/veza/certificates", "renew", "it's"],
      limitSeconds: 300,
      because: { "certificate a.test": "a.test www.a.test", authority: "https://ca.test/dir" },
      after: [files.applied],
    });
    return Promise.resolve({});
  });
  await pulumi.runtime.disconnect();
});

describe("what is said about a volume", () => {
  it("names it, its pool, its size, and whether it outlives its resource", () => {
    expect(parameters("kept-create")).toBe(
      "PROJECT='veza-lab'\nVOLUME='acme'\nSTORAGE='default'\nKEEP='keep'\nSIZE=''\n",
    );
    expect(parameters("sized-create")).toBe(
      "PROJECT='veza-lab'\nVOLUME='scratch'\nSTORAGE='default'\nKEEP='remove'\nSIZE='5GiB'\n",
    );
    expect(commands.get("kept-create")?.["delete"]).toMatch(/ bash -euo pipefail -s delete$/);
  });

  it("comes before the container that has it", () => {
    expect(dependencies.get("a-create")).toEqual(expect.arrayContaining(["kept", "sized"]));
  });
});

describe("a container with volumes", () => {
  const definition = (name: string): unknown => {
    const text = /^DEFINITION='([^']*)'$/m.exec(parameters(name))?.[1] ?? "";
    return (JSON.parse(text) as { devices: Record<string, unknown> }).devices;
  };

  it("has them as disks", () => {
    expect(definition("a-create")).toMatchObject({
      "volume-acme": { type: "disk", pool: "default", source: "acme", path: "/var/lib/dehydrated" },
      "volume-scratch": {
        type: "disk",
        pool: "default",
        source: "scratch",
        path: "/srv/in",
        readonly: "true",
      },
    });
  });

  it("is the same container without them, so that they come and go while it runs", () => {
    const generation = (name: string): string | undefined =>
      /^GENERATION='(.*)'$/m.exec(parameters(name))?.[1];
    expect(generation("a-create")).toBe(generation("bare-create"));
    expect(Object.keys(definition("bare-create") as object)).toEqual(["root", "eth0"]);
  });
});

describe("files whose text waits for the engine", () => {
  it("are the same script as plain ones, and secret", () => {
    const body = (name: string): string | undefined =>
      readContainerDocument(String(commands.get(name)?.["stdin"]))?.body;
    expect(body("made-apply")).toBe(body("plain-apply")?.replace("plain\n", "made\n"));
    expect(secretInputs.get("made-apply")).toEqual(["stdin"]);
    expect(commands.get("made-apply")?.["logging"]).toBe("none");
  });

  it("are the only ones: text that is known stays readable", () => {
    expect(secretInputs.get("plain-apply")).toBeUndefined();
    expect(commands.get("plain-apply")?.["logging"]).toBeUndefined();
  });
});

describe("a program that is run as a step", () => {
  it("is said word by word, with its limit and why it runs", () => {
    expect(parameters("issue-run")).toBe(
      `PROJECT='veza-lab'
CONTAINER='a'
COMMAND='/usr/local/lib/veza/certificates
renew
it'\\''s'
LIMIT='300'
BECAUSE='
certificate a.test: a.test www.a.test
authority: https://ca.test/dir'
`,
    );
  });

  it("runs after its container and what it was told to wait for, again in a new container, and has nothing to take away", () => {
    expect(dependencies.get("issue-run")).toEqual(["a-create", "plain-apply"]);
    const generation = /^GENERATION='(.*)'$/m.exec(parameters("a-create"))?.[1];
    expect(commands.get("issue-run")?.["triggers"]).toEqual([generation]);
    expect(commands.get("issue-run")?.["delete"]).toBeUndefined();
  });
});
