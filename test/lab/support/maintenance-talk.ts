import type { MaintenanceTalk } from "../../../src/ops/maintenance/maintenance.ts";

/** What a verb of maintenance came to. */
export interface Heard {
  readonly done: boolean;
  /** `CONTAINER: what`, in order; failures with `✗ ` in front. */
  readonly lines: readonly string[];
}

export async function heard(run: (talk: MaintenanceTalk) => Promise<boolean>): Promise<Heard> {
  const lines: string[] = [];
  const done = await run({
    did: (container, what) => lines.push(`${container}: ${what}`),
    failed: (container, why) => lines.push(`✗ ${container}: ${why}`),
  });
  return { done, lines };
}
