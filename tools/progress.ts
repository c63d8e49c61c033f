import { Listr, PRESET_TIMER } from "listr2";
import pc from "picocolors";

/** Replaces what is shown beside the running step; the last note stays on its finished line. */
export type Note = (text: string) => void;

/** How set-up tells a person what it is doing: one step after the other, each with its duration. */
export interface Progress {
  /** Runs `run` as a step; resolves with its value, rejects with its error after marking the step failed. */
  step<T>(title: string, run: (note: Note) => Promise<T>): Promise<T>;
  /** A line between steps. */
  say(text: string): void;
}

/** How long a plain step stays silent before it reports that it is still running, in milliseconds. */
const silenceMs = 15_000;

/** A live line where `stream` is a terminal, plain lines (fit for a log file) anywhere else. */
export function createProgress(stream: NodeJS.WriteStream = process.stdout): Progress {
  return stream.isTTY && process.env["CI"] === undefined
    ? liveProgress()
    : plainProgress((line) => stream.write(`${line}\n`));
}

/** One finished line per step, and a sign of life every 15 s from a step that takes long. */
export function plainProgress(write: (line: string) => void): Progress {
  return {
    async step(title, run) {
      const started = performance.now();
      let last = "";
      const signOfLife = setInterval(() => {
        write(`… ${withNote(title, last)} (${seconds(started)} so far)`);
      }, silenceMs);
      try {
        const value = await run((text) => (last = text));
        write(`✓ ${withNote(title, last)}  ${seconds(started)}`);
        return value;
      } catch (error) {
        write(`✗ ${withNote(title, last)}  ${seconds(started)}`);
        throw error;
      } finally {
        clearInterval(signOfLife);
      }
    },
    say: write,
  };
}

function liveProgress(): Progress {
  return {
    async step<T>(title: string, run: (note: Note) => Promise<T>): Promise<T> {
      let outcome: { readonly value: T } | undefined;
      let last = "";
      const list = new Listr(
        [
          {
            title,
            task: async (_context, task) => {
              outcome = {
                value: await run((text) => {
                  last = text;
                  task.output = pc.dim(text);
                }),
              };
              task.title = withNote(title, last);
            },
          },
        ],
        {
          // The caller reports the error, and what Ctrl-C means.
          rendererOptions: { timer: PRESET_TIMER, showErrorMessage: false },
          registerSignalListeners: false,
        },
      );
      await list.run();
      if (outcome === undefined) throw new Error(`step "${title}" ended without a result`);
      return outcome.value;
    },
    say(text) {
      console.log(text);
    },
  };
}

function withNote(title: string, note: string): string {
  return note === "" ? title : `${title}: ${note}`;
}

function seconds(started: number): string {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`;
}
