import { setUpIncus } from "../tools/verbs/lab.ts";
import { ensureToolchain } from "../tools/toolchain/index.ts";
import { labConfig } from "../tools/machine/lab-stack.ts";
import { SetupError } from "../tools/machine/setup-error.ts";
import { bundle } from "../tools/verbs/lab.ts";
import type { Progress } from "../tools/progress.ts";

/** One comparison: does it, writes its results and the table in docs/performance.md. */
export type Comparison = (words: readonly string[], progress: Progress) => Promise<void>;

const comparisons: Readonly<Record<string, () => Promise<Comparison>>> = {
  apply: async () => (await import("./apply.ts")).compareApply,
  scale: async () => (await import("./scale.ts")).measureScale,
  start: async () => (await import("./start.ts")).measureStart,
  engine: async () => (await import("./engine.ts")).measureEngine,
  failover: async () => (await import("./failover.ts")).compareFailover,
  path: async () => (await import("./path.ts")).comparePath,
};

/** Stack, bridge and ports of comparisons are those of a lane that no tests run in. */
const lane = "9";

/** `npm run bench NAME [-- OPTIONS]` */
export async function bench([name = "", ...words]: readonly string[], progress: Progress): Promise<number> {
  const load = comparisons[name];
  if (load === undefined)
    throw new SetupError(
      `there is no comparison '${name}'; there are: ${Object.keys(comparisons).join(", ")}. docs/performance.md says what each does`,
    );
  process.env["VEZA_TEST_LANE"] ??= lane;
  await bundle(progress);
  await ensureToolchain(progress);
  await setUpIncus(labConfig(), progress);
  const compare = await load();
  await compare(words, progress);
  return 0;
}
