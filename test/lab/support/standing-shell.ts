import { execa } from "execa";
import { readScript } from "../../../src/shell/read-script.ts";

/** What a line of shell printed, what it complained of, how it ended. */
export interface Answer {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/**
 * A shell inside a container that is told one line after the other. To begin an `incus exec` costs the machine far more
 * than what most lines do; and at its end Incus can lose what was printed last, which is not the end here.
 */
export class StandingShell {
  readonly #run;
  readonly #ended: Promise<void>;
  #last: string | undefined;
  #said = "";
  #heard = (): void => undefined;

  constructor(project: string, container: string) {
    const script = readScript(import.meta.url, "standing-shell.sh");
    const words = [
      "exec",
      container,
      "--project",
      project,
      "--mode=non-interactive",
      "--",
      "bash",
      "-c",
      script,
    ];
    this.#run = execa("incus", words, { reject: false, buffer: { stdout: false } });
    this.#run.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      this.#said += chunk;
      this.#heard();
    });
    // That nobody listens any more is seen by its end.
    this.#run.stdin.on("error", () => undefined);
    this.#ended = this.#run.then(({ stderr }) => {
      this.#last = stderr;
      this.#heard();
    });
  }

  /** Its container may have been stopped. */
  get hasEnded(): boolean {
    return this.#last !== undefined;
  }

  /** Runs a line, at most a minute; one at a time. @throws Error when the shell has ended instead */
  async tell(line: string): Promise<Answer> {
    this.#said = "";
    this.#run.stdin.write(`${line}\0`);
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#heard = () => {
      const [stdout = "", stderr = "", status, rest] = this.#said.split("\0");
      if (rest !== undefined) resolve({ stdout, stderr, exitCode: Number(status) });
      else if (this.#last !== undefined)
        reject(new Error(`the shell ended before this did: ${line}\n${this.#last}`));
    };
    this.#heard();
    return promise;
  }

  /** Waits until it has ended. */
  async end(): Promise<void> {
    this.#run.stdin.end();
    await this.#ended;
  }
}
