/** One answer of the edge, as far as the proof looks at it. */
export interface Answer {
  readonly status: number;
  /** Value of `X-Instance`; undefined where the header is missing. */
  readonly instance: string | undefined;
  /** Name and value of each cookie that was set. */
  readonly cookies: Readonly<Record<string, string>>;
}

/** A statement about the edge, whether it holds, and what was seen, in words. */
export interface Claim {
  readonly says: string;
  readonly holds: boolean;
  readonly seen: string;
}

/** Requests without a cookie: all are answered, and every instance takes part. */
export function everyInstanceServes(
  pool: string,
  answers: readonly Answer[],
  instances: readonly string[],
): Claim {
  const missing = instances.filter((name) => !answers.some(({ instance }) => instance === name));
  const failed = answers.filter(({ status }) => status !== 200);
  return {
    says: `${pool} answers, and each of its ${String(instances.length)} instances serves`,
    holds: answers.length > 0 && failed.length === 0 && missing.length === 0,
    seen:
      `${counted(answers.length, "request")}, ${String(answers.length - failed.length)} × 200` +
      (missing.length === 0 ? `, from ${instances.join(", ")}` : `, none from ${missing.join(", ")}`),
  };
}

/** @param first an answer to a request without the cookie; @param next answers to requests that carried it */
export function cookieSticks(cookie: string, first: Answer, next: readonly Answer[]): Claim {
  const says = `the cookie ${cookie} keeps a client on its server`;
  if (first.cookies[cookie] === undefined) {
    return { says, holds: false, seen: "the first answer set no such cookie" };
  }
  const elsewhere = next.filter(({ status, instance }) => status !== 200 || instance !== first.instance);
  return {
    says,
    holds: next.length > 0 && elsewhere.length === 0,
    seen:
      elsewhere.length === 0
        ? `${String(next.length)} of ${String(next.length)} requests on ${first.instance ?? "nobody"}`
        : `${String(elsewhere.length)} of ${String(next.length)} requests left ${first.instance ?? "nobody"}`,
  };
}

/** @param byTrack answers to several segments of each track */
export function tracksStay(
  byTrack: ReadonlyMap<string, readonly Answer[]>,
  instances: readonly string[],
): readonly Claim[] {
  const tracks = [...byTrack.values()];
  const homes = tracks.map((answers) => new Set(answers.map(({ instance }) => instance)));
  const split = homes.filter((home) => home.size !== 1).length;
  const failed = tracks.flat().filter(({ status }) => status !== 200).length;
  const per = instances.map((name) => ({ name, tracks: homes.filter((home) => home.has(name)).length }));
  return [
    {
      says: "all segments of a track come from one server",
      holds: tracks.length > 0 && split === 0 && failed === 0,
      seen: `${counted(tracks.length, "track")}, ${String(split)} split, ${String(failed)} failed requests`,
    },
    {
      says: "the tracks spread over all stream servers",
      holds: per.length > 0 && per.every(({ tracks: count }) => count > 0),
      seen: per.map(({ name, tracks: count }) => `${name} ${String(count)}`).join(", ") || "no stream server",
    },
  ];
}

function counted(count: number, noun: string): string {
  return `${String(count)} ${noun}${count === 1 ? "" : "s"}`;
}
