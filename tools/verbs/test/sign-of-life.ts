import { basename } from "node:path";

/** Seconds after which a person wonders what is going on; one that was told of a test waits longer. */
const everySeconds = 15;
const againSeconds = 60;

interface TestFile {
  readonly path: string;
}

/** What a file of tests is at. */
interface Running {
  readonly since: number;
  test: string;
  /** When that test was last told of; never: 0. */
  told: number;
}

/** A reporter for jest, beside its own, which speaks at the end of a file: says which file and test is running. */
export default class SignOfLife {
  readonly #running = new Map<string, Running>();
  #timer: NodeJS.Timeout | undefined;

  onRunStart(): void {
    this.#timer = setInterval(() => {
      for (const line of this.#lines()) process.stderr.write(`${line}\n`);
    }, everySeconds * 1000);
  }

  onTestFileStart({ path }: TestFile): void {
    this.#running.set(path, { since: performance.now(), test: "set-up", told: 0 });
  }

  onTestCaseStart({ path }: TestFile, { fullName }: { readonly fullName: string }): void {
    const running = this.#running.get(path);
    if (running !== undefined) Object.assign(running, { test: fullName, told: 0 } satisfies Partial<Running>);
  }

  onTestFileResult({ path }: TestFile): void {
    this.#running.delete(path);
  }

  onRunComplete(): void {
    clearInterval(this.#timer);
  }

  #lines(): readonly string[] {
    const now = performance.now();
    return [...this.#running].flatMap(([path, running]) => {
      const seconds = (now - running.since) / 1000;
      const isOldNews = running.told > 0 && now - running.told < againSeconds * 1000;
      if (seconds < everySeconds || isOldNews) return [];
      running.told = now;
      return `… ${basename(path)} ${seconds.toFixed(0)} s: ${running.test}`;
    });
  }
}
