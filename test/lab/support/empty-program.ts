import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const sdk = fileURLToPath(new URL("../../../node_modules/@pulumi/pulumi", import.meta.url));

/** A stack of the project that {@link emptyProgram} makes. */
export const emptyStack = "lab-empty";

/** Makes a Pulumi project whose program does nothing: what an update of it costs, Pulumi takes whatever a program does. */
export async function emptyProgram(folder: string): Promise<void> {
  await mkdir(join(folder, "node_modules", "@pulumi"), { recursive: true });
  const files = {
    "Pulumi.yaml": "name: empty\nruntime:\n  name: nodejs\n  options: {typescript: false}\n",
    "package.json": '{"name": "empty", "type": "module", "main": "index.js"}\n',
    "index.js": "",
    [`Pulumi.${emptyStack}.yaml`]: "",
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  await symlink(sdk, join(folder, "node_modules", "@pulumi", "pulumi"));
}
