import { hostDocument } from "../../incus/document.ts";
import { readScript } from "../../shell/read-script.ts";
import { say } from "../host-shell.ts";
import type { Site } from "./sites.ts";

/**
 * Runs scripts of this folder on a site's host, one after the other in one shell, and gives back what they printed.
 * @param limitSeconds for all of it
 * @throws HostError when they cannot be run, fail, or do not end in time
 */
export function ask(
  site: Pick<Site, "host" | "project">,
  scripts: readonly string[],
  parameters: Readonly<Record<string, string | number>>,
  limitSeconds: number,
): Promise<string> {
  const document = hostDocument({
    parameters: { PROJECT: site.project, ...parameters },
    script: readScript(import.meta.url, ...scripts),
  });
  return say(site.host, document, "apply", limitSeconds);
}
