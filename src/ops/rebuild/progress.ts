import { inWords } from "../postgres/judge.ts";

/** How far a base backup is, as the primary says it. */
export interface Progress {
  readonly bytes: number;
  /** An estimate of the primary's; 0 where it has none yet. */
  readonly total: number;
}

/** Reads `BYTES TOTAL`; undefined where no backup is running. */
export function readProgress(text: string): Progress | undefined {
  const match = /^(\d+) (\d*)$/m.exec(text);
  return match?.[1] === undefined ? undefined : { bytes: Number(match[1]), total: Number(match[2] ?? "") };
}

/**
 * `[#######-------------]  35 %  1.4 GiB of 4.0 GiB, 112.0 MiB/s`
 * @param perSecond bytes
 */
export function progressLine({ bytes, total }: Progress, perSecond: number): string {
  const rate = `${inWords(Math.round(perSecond))}/s`;
  if (total === 0) return `${inWords(bytes)}, ${rate}`;
  const part = Math.min(1, bytes / total);
  const done = Math.round(part * 20);
  const bar = `[${"#".repeat(done)}${"-".repeat(20 - done)}]`;
  return `${bar} ${String(Math.floor(part * 100)).padStart(3)} %  ${inWords(bytes)} of ${inWords(total)}, ${rate}`;
}
