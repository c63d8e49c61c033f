import * as pulumi from "@pulumi/pulumi";
import { engineConfig } from "../../../src/config/engine.ts";
import { ConfigError } from "../../../src/config/problem.ts";
import { endWithEngine } from "../../../src/engine-watch.ts";
import { referencedOutputs, type EdgeOutputs } from "../../../src/outputs.ts";
import { loadMonitoringConfig, watchedStack } from "./config.ts";
import { Monitoring } from "./monitoring.ts";

endWithEngine();
const stack = pulumi.getStack();
const sshPrivateKey = new pulumi.Config().getSecret("sshPrivateKey");
const monitoring = await forPeople(deploy);

/** Where the dashboard is. */
export const { urls } = monitoring;

async function deploy(): Promise<Monitoring> {
  const config = loadMonitoringConfig(stack, engineConfig());
  return new Monitoring("monitoring", {
    stack,
    config,
    edge: await outputsOf(watchedStack(stack, config)),
    ...(sshPrivateKey === undefined ? {} : { sshPrivateKey }),
  });
}

async function outputsOf(watched: string): Promise<EdgeOutputs> {
  try {
    return await referencedOutputs(new pulumi.StackReference(watched));
  } catch (error) {
    throw new pulumi.RunError(`stack ${watched}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The engine prints a RunError's message alone: a person mends a config, not a stack trace. */
async function forPeople<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const isForPeople = error instanceof ConfigError || error instanceof RangeError;
    throw isForPeople ? new pulumi.RunError(error.message) : error;
  }
}
