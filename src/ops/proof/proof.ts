import { setTimeout as sleep } from "node:timers/promises";
import { cookieSticks, everyInstanceServes, tracksStay, type Answer, type Claim } from "./claims.ts";

/** What is proved about, as an HTTP client meets it. */
export interface ProvedEdge {
  /** Where the edge answers, e.g. `http://127.0.0.1:8080`. */
  readonly baseUrl: string;
  /** Name of the sticky cookie. */
  readonly cookie: string;
  /** Path that any instance of `api_pool` answers with 200. */
  readonly apiPath: string;
  /** Path in front of `<track>/<segment>`, e.g. `/stream/`. */
  readonly streamPrefix: string;
  /** Names that `X-Instance` takes, by pool. An empty pool is not asked. */
  readonly apiInstances: readonly string[];
  readonly streamInstances: readonly string[];
}

export interface ProofLimits {
  /** Milliseconds until one request has to be answered. @default 5000 */
  readonly requestMs?: number;
  /** Milliseconds until all instances have to take part: they may still be starting. @default 60000 */
  readonly readyMs?: number;
}

const requestsPerInstance = 5;
const trackCount = 40;
const segmentsPerTrack = 3;

/**
 * Asks a running edge a few hundred questions, one after the other, and says what holds. Changes nothing.
 * A request that gets no answer counts as status 0; nothing throws.
 */
export async function proveEdge(edge: ProvedEdge, limits: ProofLimits = {}): Promise<readonly Claim[]> {
  const client = new Client(edge.baseUrl, limits.requestMs ?? 5000);
  const claims: Claim[] = [];
  if (edge.apiInstances.length > 0) {
    claims.push(await untilItHolds(() => apiServes(client, edge), limits.readyMs ?? 60_000));
    const first = await client.get(edge.apiPath);
    const cookie = `${edge.cookie}=${first.cookies[edge.cookie] ?? ""}`;
    claims.push(cookieSticks(edge.cookie, first, await client.repeat(10, edge.apiPath, { cookie })));
  }
  if (edge.streamInstances.length > 0) {
    const spread = await untilItHolds(() => tracksOf(client, edge), limits.readyMs ?? 60_000);
    claims.push(...spread.parts);
  }
  return claims;
}

async function apiServes(client: Client, { apiPath, apiInstances }: ProvedEdge): Promise<Claim> {
  const answers = await client.repeat(requestsPerInstance * apiInstances.length, apiPath);
  return everyInstanceServes("api_pool", answers, apiInstances);
}

async function tracksOf(
  client: Client,
  edge: ProvedEdge,
): Promise<{ holds: boolean; parts: readonly Claim[] }> {
  const byTrack = new Map<string, readonly Answer[]>();
  for (let track = 1; track <= trackCount; track++) {
    const answers: Answer[] = [];
    for (let segment = 1; segment <= segmentsPerTrack; segment++) {
      answers.push(await client.get(`${edge.streamPrefix}proof-${String(track)}/segment-${String(segment)}`));
    }
    byTrack.set(`proof-${String(track)}`, answers);
  }
  const parts = tracksStay(byTrack, edge.streamInstances);
  return { holds: parts.every(({ holds }) => holds), parts };
}

/** The last outcome: the first one that holds, or what there was when time ran out. */
async function untilItHolds<T extends { readonly holds: boolean }>(
  look: () => Promise<T>,
  limitMs: number,
): Promise<T> {
  const end = performance.now() + limitMs;
  let outcome = await look();
  while (!outcome.holds && performance.now() < end) {
    await sleep(1000);
    outcome = await look();
  }
  return outcome;
}

class Client {
  readonly #baseUrl: string;
  readonly #limitMs: number;

  constructor(baseUrl: string, limitMs: number) {
    this.#baseUrl = baseUrl;
    this.#limitMs = limitMs;
  }

  async get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    try {
      const response = await fetch(new URL(path, this.#baseUrl), {
        headers,
        redirect: "manual",
        signal: AbortSignal.timeout(this.#limitMs),
      });
      // Read to the end, or the connection is not used again.
      await response.arrayBuffer();
      return {
        status: response.status,
        instance: response.headers.get("x-instance") ?? undefined,
        cookies: Object.fromEntries(response.headers.getSetCookie().map(nameAndValue)),
      };
    } catch {
      return { status: 0, instance: undefined, cookies: {} };
    }
  }

  async repeat(count: number, path: string, headers?: Readonly<Record<string, string>>): Promise<Answer[]> {
    const answers: Answer[] = [];
    for (let n = 0; n < count; n++) answers.push(await this.get(path, headers));
    return answers;
  }
}

function nameAndValue(setCookie: string): readonly [string, string] {
  const [pair = ""] = setCookie.split(";");
  const at = pair.indexOf("=");
  return [pair.slice(0, at), pair.slice(at + 1)];
}
