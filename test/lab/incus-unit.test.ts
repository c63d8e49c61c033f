import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { Container } from "../../src/incus/container.ts";
import { Files } from "../../src/incus/files.ts";
import { removeProjects } from "../../tools/machine/projects.ts";
import { documentsOf, say, type Said } from "./incus-lab.ts";
import { IncusProject } from "./support/incus.ts";

const name = "veza-test-incus-unit";
const container = "incus-test-unit";
const project = new IncusProject(name);

const stack = (paths: readonly string[], followUp: string): Promise<ReadonlyMap<string, string>> =>
  documentsOf(name, (where, image) => {
    const made = new Container("container", {
      project: where,
      image,
      spec: { name: container, address: "10.77.0.117" },
    });
    new Files("files", {
      container: made,
      spec: {
        unit: "some",
        files: paths.map((path) => ({ path, content: "text\n", mode: "0644", owner: "root:root" })),
        followUp: { script: `follow_up() { ${followUp}; }\n` },
      },
    });
  });

async function files(action: "apply" | "delete", paths: readonly string[], followUp: string): Promise<Said> {
  return say((await stack(paths, followUp)).get("files-apply"), action);
}

const there = (): Promise<string> => project.shell(container, "ls /root/unit /var/lib/veza/units");
const gone = "/root/unit:\n\n/var/lib/veza/units:";

beforeAll(async () => {
  await removeProjects([name]);
  const documents = await stack([], "place");
  for (const one of ["image-build", "project-create", "container-create"])
    expect(await say(documents.get(one))).toEqual({ status: 0, text: "" });
}, 300_000);

afterAll(() => removeProjects([name]), 60_000);

it.each([
  ["was refused", "fail 'not this one'"],
  ["was cut off when its files were there", "place; kill -9 $$"],
])(
  "a unit whose later version %s goes whole when it is not wanted any more",
  async (_, followUp) => {
    expect(await files("apply", ["/root/unit/one"], "place")).toEqual({ status: 0, text: "" });
    expect((await files("apply", ["/root/unit/one", "/root/unit/two"], followUp)).status).toBe(1);
    expect(await there()).toContain("one");
    expect(await files("delete", ["/root/unit/one"], "place")).toEqual({ status: 0, text: "" });
    expect(await there()).toBe(gone);
    expect(await files("delete", ["/root/unit/one"], "place")).toEqual({ status: 0, text: "" });
  },
  60_000,
);

it("a unit that a later version has replaced stays", async () => {
  await files("apply", ["/root/unit/one"], "place");
  await files("apply", ["/root/unit/two"], "place");
  expect(await files("delete", ["/root/unit/one"], "place")).toEqual({ status: 0, text: "" });
  expect(await there()).toContain("two");
}, 60_000);
