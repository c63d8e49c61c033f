import { execa } from "execa";
import { hostDocument } from "../../../src/incus/document.ts";
import { imageAlias, type ImageSpec } from "../../../src/incus/image.ts";
import { readScript } from "../../../src/shell/read-script.ts";

/** Builds an image on this machine where it is not there yet, and resolves with its alias. */
export async function builtImage(name: string, spec: ImageSpec): Promise<string> {
  const alias = imageAlias(name, spec);
  const parameters = { ALIAS: alias, SUITE: spec.suite, PACKAGES: [...spec.packages].sort().join(",") };
  const script = readScript(new URL("../../../src/incus/", import.meta.url).href, "image.sh");
  await execa("timeout", ["1200", "bash", "-euo", "pipefail", "-s", "apply"], {
    input: hostDocument({ parameters, script }),
  });
  return alias;
}
