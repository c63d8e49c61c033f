import { z } from "zod";

/** Every leaf of a schema, as `pools.*[].name`; what is in several alternatives counts once. */
export function keysOf(schema: z.ZodType): ReadonlySet<string> {
  return leaves(z.toJSONSchema(schema, { io: "input" }) as Schema);
}

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema | boolean;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

function leaves(schema: Schema, path = ""): ReadonlySet<string> {
  const { properties, additionalProperties, items } = schema;
  const inner = [
    ...[...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].map((part) => leaves(part, path)),
    ...Object.entries(properties ?? {}).map(([key, part]) =>
      leaves(part, path === "" ? key : `${path}.${key}`),
    ),
    ...(typeof additionalProperties === "object" ? [leaves(additionalProperties, `${path}.*`)] : []),
    ...(typeof items === "object" ? [leaves(items, `${path}[]`)] : []),
  ];
  return new Set(inner.length === 0 ? [path] : inner.flatMap((keys) => [...keys]));
}
