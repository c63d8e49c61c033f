import { z } from "zod";
import { ask } from "./ask.ts";
import type { Found } from "./compare.ts";
import { readMark } from "./mark.ts";
import type { Site } from "./sites.ts";

const config = z.record(z.string(), z.string());

const seen = z.object({
  project: z.object({ config }),
  containers: z.array(
    z.object({
      name: z.string(),
      created_at: z.coerce.date(),
      /** In Incus' words: `Running`, `Stopped`, `Frozen`… */
      status: z.string(),
      config,
      devices: z.record(z.string(), config),
      profiles: z.array(z.string()).nullable(),
    }),
  ),
  pools: z.record(z.string(), z.array(z.object({ name: z.string(), config }))),
});

/** What Incus says of a stack's project, containers and volumes. */
export type Listed = z.infer<typeof seen>;

const unitKey = "user.veza.unit.";

/** What a host has of a stack, in one question (about 0.1 s on a local host). */
export async function look(site: Site): Promise<Found> {
  return (await list(site)).found;
}

/** The same, with what Incus has said. */
export async function list({ host, project, recorded }: Site): Promise<{ found: Found; listed: Listed }> {
  const pools = new Set(recorded.flatMap(({ volume }) => volume?.pool ?? []));
  const parameters = { POOLS: [...pools].join(" ") };
  const answer = await ask({ host, project }, ["ask-project.sh", "look.sh"], parameters, 60);
  const listed = seen.parse(JSON.parse(answer));
  const found = {
    mark: readMark(listed.project.config["user.veza.update"] ?? ""),
    containers: listed.containers.map((instance) => ({
      name: instance.name,
      state: instance.status,
      createdAt: instance.created_at,
      ours: "user.veza.generation" in instance.config,
      units: new Map(
        Object.entries(instance.config)
          .filter(([key]) => key.startsWith(unitKey))
          .map(([key, value]) => [key.slice(unitKey.length), value]),
      ),
    })),
    volumes: new Map(
      Object.entries(listed.pools).flatMap(([pool, volumes]) =>
        volumes.map((volume) => [`${pool}/${volume.name}`, volume.config["user.veza.volume"] ?? ""] as const),
      ),
    ),
  };
  return { found, listed };
}
