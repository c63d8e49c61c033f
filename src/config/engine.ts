import * as pulumi from "@pulumi/pulumi";

/** The stack's config as the engine hands it to the program: structured values are JSON texts there. */
export function engineConfig(): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(pulumi.runtime.allConfig()).map(([key, text]) => [key, structured(text)]),
  );
}

function structured(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
