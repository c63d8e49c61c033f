import { execa } from "execa";
import { loadavg } from "node:os";
import { dirname } from "node:path";
import { labPassphrase } from "../../../src/ops/pulumi/environment.ts";
import { findToolchain } from "../../../tools/toolchain/find.ts";

/** What a command took. */
export interface Taken {
  /** Seconds on the clock. */
  readonly wall: number;
  /** Seconds of processor time, of the command and everything that it waited for. */
  readonly cpu: number;
  /** Of the machine, before it began. */
  readonly load: number;
}

/**
 * Runs a command of Pulumi to its end, in the environment of the lab's stacks.
 * @param backend folder of the state
 * @throws ExecaError when it fails, or takes more than half an hour
 */
export async function runTimed(command: readonly string[], cwd: string, backend: string): Promise<Taken> {
  const before = Number(loadavg()[0]?.toFixed(1));
  const toolchain = findToolchain();
  // The shell's own clock counts the processor time of everything that was waited for.
  const line = 'TIMEFORMAT="%R %U %S"; time "$@" >/dev/null 2>/dev/null';
  const { stderr } = await execa("bash", ["-e", "-c", line, "time", ...command], {
    cwd,
    stdin: "ignore",
    timeout: 1_800_000,
    env: {
      PATH: [toolchain?.binDir, dirname(process.execPath), process.env["PATH"]].join(":"),
      PULUMI_BACKEND_URL: `file://${backend}`,
      PULUMI_CONFIG_PASSPHRASE: labPassphrase,
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_HOME: toolchain?.pulumiHome,
      PULUMI_PARALLEL: "8",
    },
  });
  const [wall = NaN, user = NaN, system = NaN] = stderr.trim().split(" ").map(Number);
  return { wall, cpu: user + system, load: before };
}
