/** One entry of the map that load balancers have (see closedMap): a network, and whether its clients are closed out. */
export type MapEntry = readonly [network: string, closed: "yes" | "no"];

/** Everybody. Of several networks that a client is in, the smallest counts. */
const everybody = ["0.0.0.0/0", "::/0"] as const;

/** Closes everybody out, but clients of these networks. */
export function closedTo(allow: readonly string[]): readonly MapEntry[] {
  return [
    ...everybody.map((network): MapEntry => [network, "yes"]),
    ...[...new Set(allow)].map((network): MapEntry => [network, "no"]),
  ];
}

/** A map file. */
export function mapText(entries: readonly MapEntry[]): string {
  return entries.map((entry) => `${entry.join(" ")}\n`).join("");
}

/** What a map says, its lines in any order. */
export interface MapView {
  readonly closed: boolean;
  /** Networks that are let through all the same, sorted. */
  readonly allow: readonly string[];
}

export function readMap(lines: readonly string[]): MapView {
  const entries = lines.map((line) => line.split(" "));
  const of = (wanted: string): string[] =>
    entries.flatMap(([network = "", closed]) => (closed === wanted ? [network] : []));
  return { closed: of("yes").length > 0, allow: of("no").sort() };
}
