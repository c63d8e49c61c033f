import { z } from "zod";
import { hostDocument } from "../../incus/document.ts";
import { readScript } from "../../shell/read-script.ts";
import { say, type ReachableHost } from "../host-shell.ts";
import type { Found } from "./compare.ts";
import { readMark } from "./mark.ts";

const instances = z.array(
  z.object({ name: z.string(), created_at: z.coerce.date(), config: z.record(z.string(), z.string()) }),
);

const unitKey = "user.veza.unit.";

/** What a host has of a project, in one question (about 0.1 s on a local host). */
export async function look(host: ReachableHost, project: string): Promise<Found> {
  const script = readScript(import.meta.url, "look.sh");
  const answer = await say(host, hostDocument({ parameters: { PROJECT: project }, script }), "look", 60);
  const [update = "", ...json] = answer.split("\n");
  return {
    mark: readMark(update === "absent" ? "" : update),
    containers: instances.parse(JSON.parse(json.join("\n"))).map((instance) => ({
      name: instance.name,
      createdAt: instance.created_at,
      ours: "user.veza.generation" in instance.config,
      units: new Map(
        Object.entries(instance.config)
          .filter(([key]) => key.startsWith(unitKey))
          .map(([key, value]) => [key.slice(unitKey.length), value]),
      ),
    })),
  };
}
