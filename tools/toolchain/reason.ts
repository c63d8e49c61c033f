/** By looks, not by class: errors of Node's own modules are of another realm under a test runner. */
export function reasonOf(error: unknown): { readonly message: string; readonly code: string } {
  if (typeof error !== "object" || error === null) return { message: String(error), code: "" };
  const message = "message" in error ? String(error.message) : "";
  const code = "code" in error ? String(error.code) : "";
  return { message: message || code || "no reason given", code };
}
