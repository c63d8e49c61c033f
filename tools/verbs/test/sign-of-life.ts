import { basename } from "node:path";

/** Seconds after which a person wonders. */
const everySeconds = 15;

interface TestFile {
  readonly path: string;
}

/** What a file of tests is at. */
interface Running {
  readonly since: number;
  test: string;
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
    this.#running.set(path, { since: performance.now(), test: "set-up" });
  }

  onTestCaseStart({ path }: TestFile, { fullName }: { readonly fullName: string }): void {
    const running = this.#running.get(path);
    if (running !== undefined) running.test = fullName;
  }

  onTestFileResult({ path }: TestFile): void {
    this.#running.delete(path);
  }

  onRunComplete(): void {
    clearInterval(this.#timer);
  }

  #lines(): readonly string[] {
    return [...this.#running].flatMap(([path, { since, test }]) => {
      const seconds = (performance.now() - since) / 1000;
      return seconds < everySeconds ? [] : `… ${basename(path)} ${seconds.toFixed(0)} s: ${test}`;
    });
  }
}
