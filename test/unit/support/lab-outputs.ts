import { readStackFile } from "../../../src/config/stack-file.ts";
import { loadConfig } from "../../../src/config/load.ts";
import type { Pools } from "../../../src/config/pool.ts";
import { edgeOutputs } from "../../../src/edge-outputs.ts";
import type { EdgeOutputs } from "../../../src/outputs.ts";

const repository = new URL("../../../", import.meta.url);

/** What the lab tells others, as its stack file has it now. */
export function labOutputs(): EdgeOutputs {
  const config = loadConfig("lab", readStackFile("lab", repository));
  const serversOf = (pool: keyof Pools): Pools[keyof Pools] =>
    Object.entries(config.fleets)
      .filter(([, fleet]) => fleet.pool === pool)
      .flatMap(([fleet, { port, instances }]) =>
        instances.map(({ id, address }) => ({ id, name: `${fleet}-${String(id)}`, address, port })),
      );
  return edgeOutputs("lab", config, {
    api_pool: serversOf("api_pool"),
    stream_pool: serversOf("stream_pool"),
  });
}
