import { flip } from "../../../src/ops/flip/flip.ts";
import type { PostgresSite } from "../../../src/ops/postgres/site.ts";

/**
 * Flips as bin/veza does, in a process of its own, which is killed the moment a step was done: by itself, because
 * another process would come too late now and then, with the next step begun.
 * Arguments: nodes, routers and project as JSON; the step.
 */
const place = JSON.parse(process.argv[2] ?? "{}") as Omit<PostgresSite, "host">;
await flip(
  { ...place, host: () => ({ connection: "local" }) },
  { maxLagBytes: 16 * 1024 * 1024 },
  {
    line: () => undefined,
    did: ({ name }) => {
      if (name === process.argv[3]) process.kill(process.pid, "SIGKILL");
    },
    agreed: () => Promise.resolve(true),
  },
  { dryRun: false },
);
