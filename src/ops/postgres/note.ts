import { z } from "zod";

/**
 * What is written down on the hosts of both nodes while a flip is under way. It says what was intended; how far it came is
 * told by the nodes themselves. Every step looks for it before it acts, so one that a killed flip has left behind does
 * nothing once the note has changed.
 */
const noteSchema = z.object({
  /** Of this run. */
  id: z.string().regex(/^[a-z0-9-]+$/),
  from: z.string(),
  to: z.string(),
  /** Who began it: user and machine. */
  by: z.string(),
  /** When, ISO 8601. */
  at: z.string(),
});
export type FlipNote = z.infer<typeof noteSchema>;

/** Undefined where nothing is written down. */
export function readNote(text: string): FlipNote | undefined {
  if (text.trim() === "") return undefined;
  try {
    return noteSchema.parse(JSON.parse(text));
  } catch {
    // Somebody's own hand: what it was for is in the nodes, and a note that nobody reads is still a begun flip.
    return { id: "unreadable", from: "", to: "", by: "somebody", at: text.trim() };
  }
}

export function noteText(note: FlipNote): string {
  return JSON.stringify(note);
}
