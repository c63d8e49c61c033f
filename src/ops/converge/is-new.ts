import { recordedResources } from "../recorded.ts";
import type { DeployedState } from "./index.ts";
import { look } from "./look.ts";

/**
 * Whether there is nothing of a stack yet: no resource in its state, and no container on any host of its config. A state
 * that was lost is no new stack, and neither is one of which a host cannot say.
 */
export async function isNewStack(
  stack: string,
  { exportedState, hosts }: Pick<DeployedState, "exportedState" | "hosts">,
): Promise<boolean> {
  if (recordedResources(exportedState).length > 0) return false;
  const sites = Object.values(hosts).map((host) => ({ host, project: `veza-${stack}`, recorded: [] }));
  const looks = await Promise.allSettled(sites.map(look));
  return (
    looks.length > 0 && looks.every((one) => one.status === "fulfilled" && one.value.containers.length === 0)
  );
}
