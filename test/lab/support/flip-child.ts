import { flip } from "../../../src/ops/flip/flip.ts";
import type { PostgresSite } from "../../../src/ops/postgres/site.ts";

/** Flips as bin/veza does, in a process that can be killed. Argument: nodes, routers and project as JSON. */
const place = JSON.parse(process.argv[2] ?? "{}") as Omit<PostgresSite, "host">;
await flip(
  { ...place, host: () => ({ connection: "local" }) },
  { maxLagBytes: 16 * 1024 * 1024 },
  {
    line: () => undefined,
    did: ({ name }) => {
      console.log(name);
    },
    agreed: () => Promise.resolve(true),
  },
  { dryRun: false },
);
