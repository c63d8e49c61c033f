/** A track's segments as this instance holds them, with what was asked of it. */
export interface Track {
  readonly segments: ReadonlyMap<string, Buffer>;
  readonly hits: number;
  readonly misses: number;
}

export interface CacheLimits {
  /** Tracks kept; the one unused for longest goes first. */
  readonly tracks: number;
  /** Segments kept of each track; the one unused for longest goes first. */
  readonly segmentsPerTrack: number;
}

/** Least-recently-used segments per track. Counters go with their track when it is evicted. */
export class TrackCache {
  readonly #tracks = new Map<string, { segments: Map<string, Buffer>; hits: number; misses: number }>();
  readonly #limits: CacheLimits;
  #hits = 0;
  #misses = 0;

  constructor(limits: CacheLimits) {
    this.#limits = limits;
  }

  get hits(): number {
    return this.#hits;
  }

  get misses(): number {
    return this.#misses;
  }

  get size(): number {
    return this.#tracks.size;
  }

  /** Looks without counting as a use. */
  track(trackId: string): Track | undefined {
    return this.#tracks.get(trackId);
  }

  /** The segment from the cache, or made by `load` and kept. */
  get(trackId: string, segment: string, load: () => Buffer): { bytes: Buffer; hit: boolean } {
    const track = this.#tracks.get(trackId) ?? { segments: new Map<string, Buffer>(), hits: 0, misses: 0 };
    touch(this.#tracks, trackId, track, this.#limits.tracks);

    const cached = track.segments.get(segment);
    const bytes = cached ?? load();
    touch(track.segments, segment, bytes, this.#limits.segmentsPerTrack);
    if (cached === undefined) {
      track.misses += 1;
      this.#misses += 1;
    } else {
      track.hits += 1;
      this.#hits += 1;
    }
    return { bytes, hit: cached !== undefined };
  }
}

/** Makes the entry the newest; a Map iterates in order of insertion, so its first key is the oldest. */
function touch<V>(entries: Map<string, V>, key: string, value: V, limit: number): void {
  entries.delete(key);
  entries.set(key, value);
  if (entries.size > limit) {
    for (const oldest of entries.keys()) {
      entries.delete(oldest);
      break;
    }
  }
}
