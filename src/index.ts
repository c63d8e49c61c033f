import * as pulumi from "@pulumi/pulumi";
import { engineConfig } from "./config/engine.ts";
import { loadConfig } from "./config/load.ts";
import { ConfigError } from "./config/problem.ts";
import { leaveOutDebugMessages } from "./debug-messages.ts";
import { Edge } from "./edge.ts";
import { endWithEngine } from "./engine-watch.ts";
import { newStackVariable } from "./new-stack-variable.ts";
import { missingFiles, oversizedFiles } from "./requirements.ts";
import { plainStackTraces } from "./stack-traces.ts";

plainStackTraces();
leaveOutDebugMessages();
endWithEngine();
const stack = pulumi.getStack();
const sshPrivateKey = new pulumi.Config().getSecret("sshPrivateKey");

const deployed = new Edge("edge", {
  stack,
  config: parsedConfig(),
  secrets: sshPrivateKey === undefined ? {} : { sshPrivateKey },
  isNew: process.env[newStackVariable] !== undefined,
});

/** What the stack tells others; `src/outputs.ts` has its schema and a reader. */
export const edge = deployed.outputs;
/** Of the login that `edge.database` names; secret. */
export const { databasePassword } = deployed;

function parsedConfig(): ReturnType<typeof loadConfig> {
  try {
    const config = loadConfig(stack, engineConfig());
    const missing = pulumi.runtime.isDryRun() ? [] : missingFiles(config);
    const problems = [...missing, ...oversizedFiles(config)];
    if (problems.length > 0) throw new ConfigError(stack, problems);
    return config;
  } catch (error) {
    // The engine prints a RunError's message alone: a person mends a config, not a stack trace.
    throw error instanceof ConfigError ? new pulumi.RunError(error.message) : error;
  }
}
