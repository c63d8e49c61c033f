import { build, type Histogram } from "hdr-histogram-js";
import type { Counts, Failure, HttpReport, Latency } from "./report.ts";

/** Counts by name. */
export class Tally {
  readonly #counts = new Map<string, number>();

  add(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  get counts(): Counts {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

const mostFailuresKept = 20;
/** Ten minutes, in microseconds: above any time limit of a request. */
const longestLatency = 600_000_000;

/** How one request ended. */
export interface Outcome {
  readonly atMs: number;
  readonly path: string;
  readonly latencyMs: number;
  /** Absent when no complete answer came. */
  readonly answer?: { readonly status: number; readonly instance?: string; readonly version?: string };
  /** An error's code; absent when an answer came. */
  readonly error?: string;
}

/** Adds up the outcomes of one group. */
export class HttpTally {
  readonly #byStatus = new Tally();
  readonly #errors = new Tally();
  readonly #byInstance = new Tally();
  readonly #byVersion = new Tally();
  readonly #firstFailures: Failure[] = [];
  // Microseconds, three significant digits.
  readonly #latency: Histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: longestLatency,
    numberOfSignificantValueDigits: 3,
  });
  #requests = 0;
  #failed = 0;
  #moves = 0;

  get requests(): number {
    return this.#requests;
  }

  add({ atMs, path, latencyMs, answer, error }: Outcome): void {
    this.#requests += 1;
    this.#latency.recordValue(Math.min(longestLatency, Math.max(1, Math.round(latencyMs * 1_000))));
    if (answer !== undefined) {
      this.#byStatus.add(String(answer.status));
      if (answer.instance !== undefined) this.#byInstance.add(answer.instance);
      if (answer.version !== undefined) this.#byVersion.add(answer.version);
      if (answer.status === 200) return;
    } else {
      this.#errors.add(error ?? "UNKNOWN");
    }
    this.#failed += 1;
    if (this.#firstFailures.length < mostFailuresKept) {
      this.#firstFailures.push({ atMs, path, reason: error ?? String(answer?.status), latencyMs });
    }
  }

  addMove(): void {
    this.#moves += 1;
  }

  report(name: string): HttpReport {
    return {
      name,
      requests: this.#requests,
      failed: this.#failed,
      byStatus: this.#byStatus.counts,
      errors: this.#errors.counts,
      byInstance: this.#byInstance.counts,
      byVersion: this.#byVersion.counts,
      moves: this.#moves,
      latency: this.#requests === 0 ? { p50: 0, p90: 0, p99: 0, max: 0 } : latencyOf(this.#latency),
      firstFailures: [...this.#firstFailures],
    };
  }
}

function latencyOf(histogram: Histogram): Latency {
  const at = (percentile: number): number => histogram.getValueAtPercentile(percentile) / 1_000;
  return { p50: at(50), p90: at(90), p99: at(99), max: histogram.maxValue / 1_000 };
}
