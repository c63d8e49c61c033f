import { readFileSync } from "node:fs";
import Handlebars from "handlebars";
import type { z } from "zod";

/**
 * What a template may be given. No numbers (Handlebars adds up two adjacent numeric mustaches at the start of a
 * template), and nothing that may be absent (`undefined` prints as nothing).
 */
export type TemplateView =
  string | boolean | readonly TemplateView[] | { readonly [name: string]: TemplateView };

/** Private, so that nothing registered elsewhere can change what our files say. */
const handlebars = Handlebars.create();
const templates = new URL("../../templates/", import.meta.url);
/** By path: most templates are rendered for every instance. */
const compiled = new Map<string, Handlebars.TemplateDelegate>();

/**
 * Renders one template. The view is parsed by `schema` first, so that a missing or malformed value is an error here
 * and not an empty word in a file on a server.
 *
 * @param template path below `templates/`, e.g. `etc/haproxy/current/haproxy.cfg.hbs`
 * @throws ZodError when the view does not fit the schema, Error when the template does not exist or names something
 * that the view does not have
 */
export function renderTemplate<V extends TemplateView>(
  template: string,
  schema: z.ZodType<V>,
  view: V,
): string {
  return compile(template)(schema.parse(view));
}

function compile(template: string): Handlebars.TemplateDelegate {
  const known = compiled.get(template);
  if (known) return known;
  const source = readFileSync(new URL(template, templates), "utf8");
  const render = handlebars.compile(source, { strict: true, noEscape: true, knownHelpersOnly: true });
  compiled.set(template, render);
  return render;
}
