import { parseArgs, type ParseArgsConfig } from "node:util";
import type { z } from "zod";
import { SetupError } from "../tools/machine/setup-error.ts";

/**
 * The options of a comparison.
 * @param words as they were typed
 * @param spec its options, as node's `parseArgs` takes them
 * @param usage what to type instead
 * @throws SetupError with the usage, for what it does not have
 */
export function optionsFrom<Schema extends z.ZodType>(
  words: readonly string[],
  spec: NonNullable<ParseArgsConfig["options"]>,
  schema: Schema,
  usage: string,
): z.output<Schema> {
  try {
    return schema.parse(parseArgs({ args: [...words], options: spec }).values);
  } catch {
    throw new SetupError(usage);
  }
}
