import * as pulumi from "@pulumi/pulumi";
import { loadConfig } from "../../config/load.ts";
import { readStackFile } from "../../config/stack-file.ts";
import { Edge } from "../../edge.ts";
import { readContainerDocument } from "../../incus/document.ts";
import type { FileSpec } from "../../incus/file-spec.ts";
import { filesOf } from "../../incus/files-body.ts";

/** A file that an update would write. */
export interface PlannedFile extends FileSpec {
  readonly container: string;
  /** The unit of files that it is applied with. */
  readonly unit: string;
}

/**
 * Every file that the stack's config asks for, by running the program against an engine that only writes down what
 * it is told: no backend, no passphrase, no secret, no host, no network.
 * @param directory where the stack's file lies
 * @throws ConfigError for a config with mistakes
 */
export async function plannedFiles(stack: string, directory: URL): Promise<PlannedFile[]> {
  const config = loadConfig(stack, readStackFile(stack, directory));
  const documents: string[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        const { stdin } = inputs as { stdin?: unknown };
        if (/^command:(local|remote):Command$/.test(type) && typeof stdin === "string") documents.push(stdin);
        return { id: name, state: inputs as Record<string, unknown> };
      },
      call: ({ inputs }) => inputs as Record<string, unknown>,
    },
    "veza-edge",
    stack,
    true,
  );
  await pulumi.runtime.runInPulumiStack(() => {
    new Edge("edge", { stack, config, secrets: {} });
    return Promise.resolve({});
  });
  await pulumi.runtime.disconnect();
  return documents
    .flatMap((document) => {
      const said = readContainerDocument(document);
      if (said === undefined) return [];
      return filesOf(said.body).map((file) => ({ ...file, container: said.container, unit: said.unit }));
    })
    .sort((a, b) => (`${a.container} ${a.path}` < `${b.container} ${b.path}` ? -1 : 1));
}
