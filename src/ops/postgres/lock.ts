import { hostname, userInfo } from "node:os";
import { hostDocument } from "../../incus/document.ts";
import { readScript } from "../../shell/read-script.ts";
import { converse } from "../conversation.ts";
import type { PostgresSite } from "./site.ts";
import { StackError } from "../stack.ts";

/** Seconds that one verb takes at most; a base backup of a large database is the longest part. */
const longestSeconds = 86_400;

/** Who runs this program. */
export function operator(): string {
  return `${userInfo().username} on ${hostname()}`;
}

/** What this program has, until it gives it back, or ends, however it ends. */
export interface Held {
  release(): Promise<void>;
}

/**
 * Keeps a second operator away from a stack's Postgres. It is given back when this program ends, even when it is killed.
 * @param verb what it is for
 * @throws HostError that says who has it
 */
export async function lockPostgres(site: PostgresSite, verb: string): Promise<Held> {
  const [first] = site.nodes;
  if (first === undefined) throw new StackError("this Postgres has no nodes");
  const document = hostDocument({
    parameters: { PROJECT: site.project, WHO: `${verb} by ${operator()}` },
    script: readScript(import.meta.url, "lock.sh"),
  });
  const held = await converse(site.host(first.host), document, "hold", longestSeconds);
  return { release: () => held.end() };
}
