import * as pulumi from "@pulumi/pulumi";
import { execa } from "execa";
import { imagesSchema } from "../../src/config/incus.ts";
import { Host } from "../../src/incus/host.ts";
import { Image } from "../../src/incus/image.ts";
import { Project } from "../../src/incus/project.ts";

/** How a document ended on this machine, and what it printed. */
export interface Said {
  readonly status: number | undefined;
  readonly text: string;
}

/** Says a document to this machine as the engine's commands do. */
export async function say(
  document: string | undefined,
  action = "apply",
  env: Readonly<Record<string, string>> = {},
): Promise<Said> {
  if (document === undefined) throw new Error("the program says nothing under that name");
  const { exitCode, all } = await execa("bash", ["-euo", "pipefail", "-s", action], {
    env,
    input: document,
    reject: false,
    all: true,
  });
  return { status: exitCode, text: all };
}

/** The documents by name that components say to this machine when they are placed in a project of it. */
export async function documentsOf(
  name: string,
  place: (project: Project, image: Image) => void,
): Promise<ReadonlyMap<string, string>> {
  const documents = new Map<string, string>();
  await pulumi.runtime.setMocks(
    {
      newResource: ({ name, inputs }) => {
        const { stdin } = inputs as { stdin?: unknown };
        if (typeof stdin === "string") documents.set(name, stdin);
        return { id: name, state: inputs as object };
      },
      call: ({ inputs }) => inputs as object,
    },
    "veza-edge",
    "lab",
  );
  await pulumi.runtime.runInPulumiStack(() => {
    const host = new Host("main", { connection: "local" });
    const network = { bridge: "incusbr0", gateway: "10.77.0.1/24" };
    const project = new Project("project", { host, project: name, network, storage: "default" });
    place(project, new Image("image", { host, image: "app", spec: imagesSchema.parse({}).app }));
    return Promise.resolve({});
  });
  await pulumi.runtime.disconnect();
  return documents;
}
