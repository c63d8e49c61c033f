import { addComment, changeComment, commentsOf, type Repository } from "./forge.ts";

/** First line of our comment, which nobody sees: by it the next run finds the comment. */
const marker = "<!-- veza-edge preview -->";

/** Characters that a comment may have, on the stricter of the servers. */
const most = 65_536;

/** Who a workflow writes as, by its automatic token. */
export const workflowAuthors: readonly string[] = ["github-actions[bot]", "forgejo-actions"];

/**
 * Writes the preview on a pull request: one comment, which later runs change.
 * @param authors logins whose comments are ours; anybody can write the marker
 * @returns what was done, for the log
 * @throws ForgeError
 */
export async function showPreview(
  repository: Repository,
  pull: number,
  preview: string,
  authors: readonly string[] = workflowAuthors,
): Promise<"added" | "changed" | "left as it is"> {
  const body = bodyOf(preview);
  const comments = await commentsOf(repository, pull);
  const ours = comments.find((one) => one.body.startsWith(marker) && authors.includes(one.author));
  if (ours === undefined) {
    await addComment(repository, pull, body);
    return "added";
  }
  // Servers may store other line ends than they were sent.
  if (ours.body.replaceAll("\r\n", "\n").trimEnd() === body.trimEnd()) return "left as it is";
  await changeComment(repository, ours.id, body);
  return "changed";
}

/** What is too long was not written by `bin/veza diff`, and is cut without regard to what it says. */
function bodyOf(preview: string): string {
  const whole = `${marker}\n${preview}`;
  if (whole.length <= most) return whole;
  const note = "\n\n… cut: this is longer than a comment may be. The whole preview is attached to the run.\n";
  return whole.slice(0, most - note.length) + note;
}
