import { existsSync, readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";

const stackFile = z.object({ config: z.record(z.string(), z.unknown()).default({}) });

/**
 * The config of a stack as its file has it: no backend, no passphrase. Secrets come as `{ secure: … }`.
 * @throws Error when there is no such file, or it is not a Pulumi stack file
 */
export function readStackFile(stack: string, directory: URL): Record<string, unknown> {
  const url = new URL(`Pulumi.${stack}.yaml`, directory);
  if (!existsSync(url))
    throw new Error(`there is no Pulumi.${stack}.yaml; a stack is described by a file of that name`);
  const parsed = stackFile.safeParse(parse(readFileSync(url, "utf8")));
  if (!parsed.success)
    throw new Error(`Pulumi.${stack}.yaml is not a stack file: ${z.prettifyError(parsed.error)}`);
  return parsed.data.config;
}
