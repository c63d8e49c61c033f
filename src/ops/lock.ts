import { hostname, userInfo } from "node:os";
import { hostDocument } from "../incus/document.ts";
import { readScript } from "../shell/read-script.ts";
import { converse, type Conversation } from "./conversation.ts";
import { HostError, type ReachableHost } from "./host-shell.ts";
import { StackError } from "./stack.ts";

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

/** What one operator at a time may be at work on, as a sentence has it. */
const parts = { postgres: "this Postgres", maintenance: "this stack's maintenance" } as const;

/** Where a lock is held: on every host that has something of the part. */
export interface Locked {
  readonly part: keyof typeof parts;
  /** Incus project, on every host. */
  readonly project: string;
  /** Names of the hosts. */
  readonly hosts: readonly string[];
  /** How to reach one. */
  readonly host: (name: string) => ReachableHost;
}

/**
 * Keeps a second operator away from a part of a stack. It is given back when this program ends, even when it is killed.
 * A host that cannot be reached is passed over, as nothing can be done on it; what is done on the others says so.
 * @param verb what it is for
 * @throws StackError that says who has it, when it is not free within 5 s
 * @throws HostError when no host can be reached
 */
export async function lock({ part, project, hosts, host }: Locked, verb: string): Promise<Held> {
  const script = readScript(import.meta.url, "lock.sh");
  const parameters = { PROJECT: project, PART: part, WHO: `${verb} by ${operator()}` };
  const held: Conversation[] = [];
  const release = async (): Promise<void> => {
    await Promise.all(held.map((one) => one.end()));
  };
  let unreachable: HostError | undefined;
  // In one order, so that of two who begin at the same time one gets it.
  for (const name of hosts.toSorted()) {
    try {
      const one = await converse(host(name), hostDocument({ parameters, script }), "hold", longestSeconds);
      held.push(one);
      const other = await one.tell("take");
      if (other === "") continue;
      await release();
      throw new StackError(
        `somebody else is at work on ${parts[part]}: ${other}. Nothing was changed; try again when that has ended`,
      );
    } catch (error) {
      if (!(error instanceof HostError)) throw error;
      unreachable = error;
    }
  }
  if (held.length === 0) throw unreachable ?? new StackError(`${parts[part]} has no host`);
  return { release };
}
