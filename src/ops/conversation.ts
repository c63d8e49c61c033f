import { createInterface } from "node:readline";
import { execa } from "execa";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { HostError, hostLabel, notDone, shellWords, type ReachableHost } from "./host-shell.ts";

/** A script on a host that does what it is told, one line after the other. */
export interface Conversation {
  /**
   * Says a line, and waits until what it says has been done.
   * @param limitSeconds after which nobody waits any longer; it may still be at work. @default the document's own limits
   * @returns what was printed meanwhile
   * @throws HostError with what it said, when it has ended instead, or was not waited for
   */
  tell(line: string, limitSeconds?: number): Promise<string>;
  /** There is nothing more to say: waits until the script has ended. Never throws. */
  end(): Promise<void>;
}

/**
 * Says a document to a host, and goes on talking to it on standard input. The script prints a line `end` when it
 * listens, and one after each line that it was told; when this program ends, however it ends, so does its input.
 * @param limitSeconds for all of it
 * @throws HostError when it ends before it listens
 */
export async function converse(
  host: ReachableHost,
  document: string,
  action: string,
  limitSeconds: number,
): Promise<Conversation> {
  const secrets = await mkdtemp(join(tmpdir(), "veza-ssh-"));
  const [program, words] = await shellWords(host, action, limitSeconds, secrets);
  const run = execa(program, words, { reject: false });
  const ended = run.then(async (result) => {
    await rm(secrets, { recursive: true, force: true });
    return result;
  });
  // One that ends early says why; that its input is closed by then says nothing more.
  run.stdin.on("error", () => undefined);
  const printed = createInterface({ input: run.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<string> => {
    const lines: string[] = [];
    for (;;) {
      const line = await printed.next();
      if (line.done === true) throw notDone(host, await ended, limitSeconds);
      if (line.value === "end") return lines.join("\n");
      lines.push(line.value);
    }
  };
  let isLeft = false;
  /** Nobody listens any more to what it may still be doing. */
  const leave = (): void => {
    isLeft = true;
    run.kill();
    run.stdout.destroy();
    run.stderr.destroy();
  };
  run.stdin.write(document);
  await answer();
  return {
    tell: async (line, seconds) => {
      run.stdin.write(`${line}\n`);
      if (seconds === undefined) return answer();
      const late = new AbortController();
      const tooLate = delay(seconds * 1_000, undefined, { signal: late.signal }).then(() => {
        leave();
        throw new HostError(
          host,
          `${hostLabel(host)}: '${line}' did not end within ${String(seconds)} s, and may still be at work`,
        );
      });
      try {
        return await Promise.race([answer(), tooLate]);
      } finally {
        tooLate.catch(() => undefined);
        late.abort();
      }
    },
    end: async () => {
      run.stdin.end();
      if (!isLeft) await ended;
    },
  };
}
