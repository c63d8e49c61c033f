import { hostDocument } from "../incus/document.ts";
import { readScript } from "../shell/read-script.ts";
import { say, type ReachableHost } from "./host-shell.ts";

/**
 * Stops a container as a power cut would, or starts it; does nothing when it is so already.
 * @throws HostError when there is no such container, or its host does not do it within 90 s
 */
export async function power(
  host: ReachableHost,
  project: string,
  container: string,
  action: "stop" | "start",
): Promise<void> {
  const script = readScript(import.meta.url, "power.sh");
  const document = hostDocument({ parameters: { PROJECT: project, CONTAINER: container }, script });
  await say(host, document, action, 90);
}
