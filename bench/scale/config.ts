import { edgeConfig, type StackInput } from "../../test/lab/support/edge-config.ts";
import type { Site } from "../site.ts";

export interface Choice {
  /** Instances of both fleets together: half of them in each. */
  readonly size: number;
  /** Folder with the bundled applications. */
  readonly release: string;
  /** Name of the sticky cookie. */
  readonly cookie: string;
}

/** A stack's config: half of the instances in each fleet, behind one load balancer. */
export function scaleConfig({ subnet, config }: Site, { size, release, cookie }: Choice): StackInput {
  const written = edgeConfig({
    api: [1],
    stream: [1],
    release,
    loadBalancer: { instances: [{ address: `${subnet}.10` }], cookie: { name: cookie } },
    rest: config,
  });
  const halves = { "backend-api": Math.ceil(size / 2), "stream-server": Math.floor(size / 2) };
  for (const [n, [fleet, count]] of Object.entries(halves).entries()) {
    const entry = written.fleets?.[fleet];
    if (entry === undefined) throw new Error(`there is no fleet ${fleet}`);
    entry.instances = Array.from({ length: count }, (_, i) => ({
      id: i + 1,
      address: `${subnet}.${String(20 + 100 * n + i)}`,
    }));
  }
  return written;
}
