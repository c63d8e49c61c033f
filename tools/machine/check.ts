import { homedir } from "node:os";
import { execa } from "execa";
import type { StackConfig } from "../../src/config/stack.ts";
import { incusAnswers } from "./incus.ts";
import {
  incusNeeds,
  labMonitoringProject,
  labProject,
  publishedListeners,
  type LabMonitoring,
} from "./lab-stack.ts";
import { lookAtMachine, type Listener } from "./machine.ts";
import { problemsOf } from "./preflight.ts";
import { SetupError } from "./setup-error.ts";

/**
 * Says whether the lab can be set up on this machine, before anything is changed.
 * @throws SetupError that lists all problems, each with what to do
 */
export async function checkMachine(config: StackConfig, monitoring: LabMonitoring): Promise<void> {
  const needs = incusNeeds(config);
  const held = (await Promise.all([labProject, labMonitoringProject].map(listenersOf))).flat();
  const listeners = [...publishedListeners(config), ...monitoring.publish];
  const paths = { containers: "/var/lib", toolchain: homedir() };
  const machine = await lookAtMachine(listeners, paths, ({ address, port }) =>
    held.some((ours) => ours.address === address && ours.port === port),
  );
  const problems = problemsOf(machine, needs);
  if (problems.length > 0) {
    throw new SetupError("this machine cannot run the lab as it is; nothing was changed:", problems);
  }
}

/** What the containers of an Incus project listen on here, through proxy devices. */
async function listenersOf(project: string): Promise<readonly Listener[]> {
  if (!(await incusAnswers())) return [];
  const listed = await execa("incus", ["list", "--project", project, "--format", "json"], {
    stdin: "ignore",
    timeout: 30_000,
    reject: false,
  });
  // No such project: nothing of ours listens.
  if (listed.failed) return [];
  return [...listed.stdout.matchAll(/"listen":\s*"tcp:([0-9.]+):(\d+)"/g)].map(
    ([, address = "", port = ""]) => ({
      address,
      port: Number(port),
    }),
  );
}
