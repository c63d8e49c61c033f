import { socketScript } from "../../haproxy/socket.ts";
import { hostDocument } from "../../incus/document.ts";
import { readScript } from "../../shell/read-script.ts";
import { say } from "../host-shell.ts";
import { inContainers, type Answer } from "../in-containers.ts";
import { hostsOf, type PostgresSite } from "./site.ts";
import { readTopology, type HostSight, type Topology } from "./topology.ts";

/** Seconds that one of them has to say what it is, and a host for all that is on it. */
const limits = { eachSeconds: 15, allSeconds: 60 };
const noteSeconds = 30;

/**
 * Asks every node and router what it is, at the same time. What does not answer is part of the answer; a host that cannot
 * be reached leaves all that is on it unknown.
 * @param problem told what a host that cannot be reached says
 */
export async function look(site: PostgresSite, problem: (text: string) => void): Promise<Topology> {
  const seen = await Promise.all(
    hostsOf(site).map(async (host): Promise<HostSight[]> => {
      try {
        const [note, answers] = await Promise.all([noteOn(site, host), answersOn(site, host)]);
        return [{ note, answers }];
      } catch (error) {
        problem(error instanceof Error ? error.message : String(error));
        return [];
      }
    }),
  );
  return readTopology(site, seen.flat());
}

async function noteOn(site: PostgresSite, host: string): Promise<string> {
  const script = readScript(import.meta.url, "note-look.sh");
  const document = hostDocument({ parameters: { PROJECT: site.project }, script });
  return say(site.host(host), document, "look", noteSeconds);
}

async function answersOn(site: PostgresSite, host: string): Promise<readonly Answer[]> {
  const calls = (places: PostgresSite["nodes"], script: string) =>
    places
      .filter((place) => place.host === host)
      .map(({ name }) => ({ container: name, run: { parameters: {}, script } }));
  const all = [
    ...calls(site.nodes, readScript(import.meta.url, "node-look.sh")),
    ...calls(site.routers, socketScript() + readScript(import.meta.url, "router-look.sh")),
  ];
  return inContainers(site.host(host), site.project, all, limits);
}
