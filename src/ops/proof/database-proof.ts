import { z } from "zod";
import type { Claim } from "./claims.ts";

/** What is proved about, as an HTTP client meets it. */
export interface ProvedDatabase {
  /** Where the edge answers, e.g. `http://127.0.0.1:8080`. */
  readonly baseUrl: string;
  /** Path of the stand-in API that keeps notes in the platform's database. */
  readonly notesPath: string;
  /** Names that `X-Instance` takes. */
  readonly instances: readonly string[];
}

const written = z.object({ instance: z.string(), note: z.object({ id: z.number() }) });
const read = z.object({ instance: z.string(), notes: z.array(z.object({ id: z.number() })) });

const requestMs = 10_000;

/**
 * Writes one row through the write-VIP, and has every instance read it. The row stays.
 * A request that gets no answer counts as a claim that does not hold; nothing throws.
 */
export async function proveDatabase(database: ProvedDatabase): Promise<Claim> {
  const { instances } = database;
  const says = `a row written through the write-VIP is read by each of ${String(instances.length)} instances`;
  try {
    const text = `proof of ${new Date().toISOString()}`;
    const { instance, note } = written.parse(
      await ask(database, `?text=${encodeURIComponent(text)}`, "POST"),
    );
    const readers = new Set<string>();
    // Round robin reaches all of them; a server that has just come back gets its share a little later.
    for (let n = 0; n < 10 * instances.length && readers.size < instances.length; n++) {
      const answer = read.parse(await ask(database, "", "GET"));
      if (answer.notes.some(({ id }) => id === note.id)) readers.add(answer.instance);
    }
    const missing = instances.filter((name) => !readers.has(name));
    return {
      says,
      holds: missing.length === 0,
      seen:
        `row ${String(note.id)} written by ${instance}, read by ${[...readers].sort().join(", ") || "nobody"}` +
        (missing.length === 0 ? "" : `, not by ${missing.join(", ")}`),
    };
  } catch (error) {
    return { says, holds: false, seen: error instanceof Error ? error.message : String(error) };
  }
}

async function ask({ baseUrl, notesPath }: ProvedDatabase, query: string, method: string): Promise<unknown> {
  const response = await fetch(new URL(`${notesPath}${query}`, baseUrl), {
    method,
    signal: AbortSignal.timeout(requestMs),
  });
  const body = await response.text();
  if (!response.ok) throw new Error(`${method} ${notesPath} gave ${String(response.status)}: ${body.trim()}`);
  return JSON.parse(body);
}
