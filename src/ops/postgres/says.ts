import { socketScript } from "../../haproxy/socket.ts";
import { hostDocument } from "../../incus/document.ts";
import { readScript } from "../../shell/read-script.ts";
import { converse, type Conversation } from "../conversation.ts";
import { say } from "../host-shell.ts";
import { noteText, type FlipNote } from "./note.ts";
import { hostsOf, nodeNamed, type NodePlace, type PostgresSite } from "./site.ts";

/** What a router can be told about a node (router.sh). */
export type RouterVerb = "close" | "open" | "ready";

/** Seconds that a step waits at most for one that an earlier run has left behind, and what goes around it. */
const aroundSeconds = 150;
const routerSeconds = 30;
const noteSeconds = 60;
/** Seconds that a shell which was opened ahead of time is good for. */
const openSeconds = 300;

/**
 * What is said to a stack's nodes and routers, one step at a time. With a note, every step finds it on its host first, or
 * does nothing.
 */
export class PostgresSays {
  readonly #site: PostgresSite;
  /** Shells that were opened ahead of time, by container. */
  readonly #open = new Map<string, Conversation>();
  #note: FlipNote | undefined;

  constructor(site: PostgresSite, note?: FlipNote) {
    this.#site = site;
    this.#note = note;
  }

  /**
   * Opens a shell in every node and router: until `close`, what is said to one is said there, and it need not be waited
   * for. @throws HostError when one cannot be opened
   */
  async open(): Promise<void> {
    const places = [
      ...this.#site.nodes.map((place) => ({ place, script: nodeScript() })),
      ...this.#site.routers.map((place) => ({ place, script: routerScript() })),
    ];
    await everyone(places, async ({ place, script }) => {
      this.#open.set(place.name, await this.#shell(place, script, openSeconds));
    });
  }

  /** Ends what `open` has opened; what is at work there is waited for. */
  async close(): Promise<void> {
    const shells = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(shells.map((shell) => shell.end()));
  }

  /**
   * Has the node's own program run, once for each line of words.
   * @returns what it printed
   * @throws HostError with what it said, when it failed or did not end in time
   */
  async node(name: string, verbs: readonly string[], limitSeconds: number): Promise<string> {
    return this.#tell(nodeNamed(this.#site, name), nodeScript(), verbs, limitSeconds);
  }

  /** Tells every router about a node, all at the same time. @throws HostError when one does not do it */
  async routers(verb: RouterVerb, node: string): Promise<void> {
    await everyone(this.#site.routers, (router) =>
      this.#tell(router, routerScript(), [`${verb} ${node}`], routerSeconds),
    );
  }

  /**
   * Writes a note down on every host, in place of the one that this was made with.
   * @param next undefined: nothing is under way any more
   */
  async note(next: FlipNote | undefined): Promise<void> {
    await this.close();
    const parameters = { NEXT: next === undefined ? "" : noteText(next) };
    await everyone(hostsOf(this.#site), (host) =>
      say(this.#site.host(host), this.#document("note.sh", parameters), "step", noteSeconds + aroundSeconds),
    );
    this.#note = next;
  }

  async #tell(
    place: NodePlace,
    script: string,
    lines: readonly string[],
    limitSeconds: number,
  ): Promise<string> {
    const opened = this.#open.get(place.name);
    const shell = opened ?? (await this.#shell(place, script, limitSeconds));
    try {
      const printed: string[] = [];
      for (const line of lines) printed.push(await shell.tell(line, opened && limitSeconds));
      return printed.join("\n");
    } finally {
      if (opened === undefined) await shell.end();
    }
  }

  async #shell({ name, host }: NodePlace, script: string, limitSeconds: number): Promise<Conversation> {
    const document = this.#document("inside.sh", { CONTAINER: name, INSIDE: script, LIMIT: limitSeconds });
    return converse(this.#site.host(host), document, "step", limitSeconds + aroundSeconds);
  }

  #document(script: string, parameters: Readonly<Record<string, string | number>>): string {
    const note = this.#note === undefined ? "" : noteText(this.#note);
    return hostDocument({
      parameters: { PROJECT: this.#site.project, NOTE: note, ...parameters },
      script: readScript(import.meta.url, "step.sh", script),
    });
  }
}

/** What reads lines in a node. */
function nodeScript(): string {
  return readScript(import.meta.url, "node.sh");
}

/** What reads lines in a router. */
function routerScript(): string {
  return socketScript() + readScript(import.meta.url, "router.sh");
}

/** Waits for all of them, also when one fails; then fails as the first that did. */
async function everyone<Where>(
  places: readonly Where[],
  act: (place: Where) => Promise<unknown>,
): Promise<void> {
  const ended = await Promise.allSettled(places.map(act));
  const failed = ended.find((one) => one.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
