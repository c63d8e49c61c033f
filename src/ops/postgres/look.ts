import { hostDocument } from "../../incus/document.ts";
import { readScript } from "../../shell/read-script.ts";
import { say } from "../host-shell.ts";
import type { PostgresSite } from "./site.ts";
import { readTopology, type Topology } from "./topology.ts";

/** Seconds within which a host has to say what is on it. */
const lookSeconds = 60;

/**
 * Asks every node and router what it is, at the same time. What does not answer is part of the answer; a host that cannot
 * be reached leaves all that is on it unknown.
 * @param problem told what a host that cannot be reached says
 */
export async function look(site: PostgresSite, problem: (text: string) => void): Promise<Topology> {
  const printed = await Promise.all(
    hostsOf(site).map(async (host): Promise<[string, string][]> => {
      const document = hostDocument({
        parameters: {
          PROJECT: site.project,
          NODES: namesOn(site.nodes, host),
          ROUTERS: namesOn(site.routers, host),
          NODE_LOOK: readScript(import.meta.url, "node-look.sh"),
          ROUTER_LOOK: readScript(import.meta.url, "router-look.sh"),
        },
        script: readScript(import.meta.url, "look.sh"),
      });
      try {
        return [[host, await say(site.host(host), document, "look", lookSeconds)]];
      } catch (error) {
        problem(error instanceof Error ? error.message : String(error));
        return [];
      }
    }),
  );
  return readTopology(site, new Map(printed.flat()));
}

/** Every host that has a node or a router, once. */
export function hostsOf({ nodes, routers }: PostgresSite): readonly string[] {
  return [...new Set([...nodes, ...routers].map(({ host }) => host))];
}

/** A name a line. */
export function namesOn(places: PostgresSite["nodes"], host: string): string {
  return places
    .filter((place) => place.host === host)
    .map(({ name }) => name)
    .join("\n");
}
