import { describe, expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";
import { stackSchema } from "../../src/config/stack.ts";

const text = readFileSync(new URL("../../docs/Pulumi.example.yaml", import.meta.url), "utf8");
const { config } = parse(text, { merge: true }) as { config: Record<string, unknown> };

/** As much of a JSON schema as zod writes for a config. */
interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema | boolean;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly default?: unknown;
}

/** Every key of the schema with its default; `*` stands for names and list positions. */
function keys(schema: Schema, path: string, found = new Map<string, unknown>()): Map<string, unknown> {
  for (const part of [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])]) keys(part, path, found);
  if (typeof schema.additionalProperties === "object") keys(schema.additionalProperties, `${path}.*`, found);
  if (typeof schema.items === "object") keys(schema.items, `${path}.*`, found);
  for (const [key, inner] of Object.entries(schema.properties ?? {})) {
    found.set(`${path}.${key}`, inner.default);
    keys(inner, `${path}.${key}`, found);
  }
  return found;
}

/** Every key that the example shows, with all values it shows for it. */
function shown(
  value: unknown,
  path: string,
  known: ReadonlyMap<string, unknown>,
  found = new Map<string, unknown[]>(),
): Map<string, unknown[]> {
  if (typeof value !== "object" || value === null) return found;
  for (const [key, inner] of Object.entries(value)) {
    const named = `${path}.${key}`;
    const at = known.has(named) ? named : `${path}.*`;
    if (at === named) found.set(at, [...(found.get(at) ?? []), inner]);
    shown(inner, at, known, found);
  }
  return found;
}

const known = keys(z.toJSONSchema(stackSchema, { io: "input" }) as Schema, "");
const rooms = Object.fromEntries(
  Object.entries(config).map(([key, value]) => [key.replace("veza-edge:", ""), value]),
);
const example = shown(rooms, "", known);
const isPlain = (value: unknown): boolean => ["string", "number", "boolean"].includes(typeof value);

describe("the annotated example stack file", () => {
  it("is a valid stack file", () => {
    // Not loadConfig: a pool that has static servers and a fleet is a mistake everywhere but here.
    expect(() => stackSchema.parse(rooms)).not.toThrow();
  });

  it("shows every key there is", () => {
    expect([...known.keys()].filter((key) => !example.has(key))).toEqual([]);
  });

  it("shows every plain default as it is", () => {
    const wrong = [...known].filter(
      ([key, value]) => isPlain(value) && !(example.get(key) ?? []).includes(value),
    );
    expect(wrong).toEqual([]);
  });

  it("calls a key required where the schema does, and nowhere else", () => {
    // Comment lines right above a key belong to it.
    const marked = new Set<string>();
    let required = false;
    for (const line of text.split("\n")) {
      if (line.trimStart().startsWith("#")) {
        if (line.includes("(required)")) required = true;
        continue;
      }
      const key = /^\s*(?:- )?(?:veza-edge:)?([\w-]+):/.exec(line)?.[1];
      if (required && key !== undefined) marked.add(key);
      required = false;
    }
    for (const key of [
      "hosts",
      "gateway",
      "address",
      "hostKey",
      "instances",
      "contact",
      "certificates",
      "publicAddresses",
      "pool",
      "artifact",
      "id",
    ]) {
      expect(marked).toContain(key);
    }
    for (const key of [
      "bridge",
      "storage",
      "volumes",
      "certificate",
      "directory",
      "images",
      "ports",
      "drainSeconds",
      "environment",
      "limits",
    ]) {
      expect(marked).not.toContain(key);
    }
  });
});
