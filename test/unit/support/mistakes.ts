import { loadConfig } from "../../../src/config/load.ts";
import { ConfigError, type Problem } from "../../../src/config/problem.ts";

/** Every mistake in the config of a stack. */
export function problemsOf(stack: string, config: Readonly<Record<string, unknown>>): readonly Problem[] {
  try {
    loadConfig(stack, config);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

/** The same, each as `path: message`, the path without the program's name. */
export function mistakesOf(stack: string, config: Readonly<Record<string, unknown>>): readonly string[] {
  return problemsOf(stack, config).map(
    ({ path, message }) => `${path.replace("veza-edge:", "")}: ${message}`,
  );
}
