/** A part of what a script printed, under a line `=== TITLE`. */
export interface Section {
  readonly title: string;
  /** With the line break at its end. */
  readonly body: string;
}

/** Cuts at the lines `=== TITLE`; what comes before the first of them is nobody's. */
export function sectionsOf(printed: string): readonly Section[] {
  const [, ...parts] = `\n${printed}`.split("\n=== ");
  return parts.map((part) => {
    const end = part.indexOf("\n");
    return end < 0
      ? { title: part, body: "" }
      : { title: part.slice(0, end), body: `${part.slice(end + 1)}\n`.replace(/\n+$/, "\n") };
  });
}
