/** Cookies of one client of one site: kept by name, without paths or times, which load tests do not need. */
export class Cookies {
  readonly #values = new Map<string, string>();

  /** The `Cookie` header, or undefined when there is none to send. */
  get header(): string | undefined {
    if (this.#values.size === 0) return undefined;
    return [...this.#values].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  /** Takes what `Set-Cookie` headers say; one with an empty value or `Max-Age=0` is forgotten. */
  store(setCookie: string | readonly string[] | undefined): void {
    for (const line of typeof setCookie === "string" ? [setCookie] : (setCookie ?? [])) {
      const [pair = "", ...attributes] = line.split(";").map((part) => part.trim());
      const equals = pair.indexOf("=");
      if (equals < 1) continue;
      const name = pair.slice(0, equals);
      const value = pair.slice(equals + 1);
      if (value === "" || attributes.some((attribute) => /^max-age=-?0*$/i.test(attribute))) {
        this.#values.delete(name);
      } else {
        this.#values.set(name, value);
      }
    }
  }
}
