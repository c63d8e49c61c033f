import { hostDocument } from "../../incus/document.ts";
import { readScript } from "../../shell/read-script.ts";
import { say } from "../host-shell.ts";
import { hostsOf, namesOn } from "./look.ts";
import { noteText, type FlipNote } from "./note.ts";
import { nodeNamed, type PostgresSite } from "./site.ts";

/** What a router can be told about a node (router.sh). */
export type RouterVerb = "close" | "open" | "ready";

/** Seconds that a step waits at most for one that an earlier run has left behind, and what goes around it. */
const aroundSeconds = 150;
const routerSeconds = 30;
const noteSeconds = 60;

/**
 * What is said to a stack's nodes and routers, one step at a time. With a note, every step finds it on its host first, or
 * does nothing.
 */
export class PostgresSays {
  readonly #site: PostgresSite;
  #note: FlipNote | undefined;

  constructor(site: PostgresSite, note?: FlipNote) {
    this.#site = site;
    this.#note = note;
  }

  /**
   * Has the node's own program run, once for each line of words.
   * @returns what it printed
   * @throws HostError with what it said, when it failed or did not end in time
   */
  async node(name: string, verbs: readonly string[], limitSeconds: number): Promise<string> {
    const { host } = nodeNamed(this.#site, name);
    const parameters = { CONTAINER: name, VERBS: verbs.join("\n"), LIMIT: limitSeconds };
    return this.#step(host, "node.sh", parameters, limitSeconds);
  }

  /** Tells every router about a node, all at the same time. @throws HostError when one does not do it */
  async routers(verb: RouterVerb, node: string): Promise<void> {
    const inside = readScript(import.meta.url, "router.sh");
    const hosts = [...new Set(this.#site.routers.map(({ host }) => host))];
    await everyone(hosts, async (host) => {
      const parameters = {
        ROUTERS: namesOn(this.#site.routers, host),
        VERB: verb,
        NODE: node,
        INSIDE: inside,
      };
      await this.#step(host, "routers.sh", parameters, routerSeconds);
    });
  }

  /**
   * Writes a note down on every host, in place of the one that this was made with.
   * @param next undefined: nothing is under way any more
   */
  async note(next: FlipNote | undefined): Promise<void> {
    const parameters = { NEXT: next === undefined ? "" : noteText(next) };
    await everyone(hostsOf(this.#site), (host) => this.#step(host, "note.sh", parameters, noteSeconds));
    this.#note = next;
  }

  async #step(
    host: string,
    script: string,
    parameters: Readonly<Record<string, string | number>>,
    limitSeconds: number,
  ): Promise<string> {
    const note = this.#note === undefined ? "" : noteText(this.#note);
    const document = hostDocument({
      parameters: { PROJECT: this.#site.project, NOTE: note, ...parameters },
      script: ["step.sh", script].map((part) => readScript(import.meta.url, part)).join(""),
    });
    return say(this.#site.host(host), document, "step", limitSeconds + aroundSeconds);
  }
}

/** Waits for all of them, also when one fails; then fails as the first that did. */
async function everyone(hosts: readonly string[], act: (host: string) => Promise<unknown>): Promise<void> {
  const ended = await Promise.allSettled(hosts.map(act));
  const failed = ended.find((one) => one.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
