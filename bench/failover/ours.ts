import { other, type NodeName, type PostgresStack } from "../../test/lab/support/postgres-stack.ts";
import { until } from "../../test/lab/support/until.ts";
import type { WriteContender } from "./write-outage.ts";

/** `bin/veza flip-db`, and `bin/veza failover --force` by a person who was waiting for it. */
export class Ours implements WriteContender {
  readonly name = "veza-edge";
  readonly database: WriteContender["database"];
  readonly #postgres: PostgresStack;
  #lost: NodeName | undefined;

  constructor(postgres: PostgresStack) {
    this.#postgres = postgres;
    this.database = postgres.database;
  }

  async untilWell(): Promise<void> {
    await this.#postgres.untilWell(120);
  }

  async switchOver(): Promise<void> {
    const { exitCode, all } = await this.#postgres.stack.veza("flip-db", "--yes");
    if (exitCode !== 0) throw new Error(`bin/veza flip-db ended with ${String(exitCode)}:\n${all}`);
  }

  /** It asks at a terminal for the name of the node, which is typed in no time here. */
  async losePrimary(): Promise<void> {
    const lost = await this.#postgres.primary();
    this.#lost = lost;
    await this.#postgres.stack.incus.stop(lost);
    await this.#postgres.failover(other(lost));
  }

  async mend(): Promise<void> {
    const lost = this.#lost;
    if (lost === undefined) return;
    const { incus } = this.#postgres.stack;
    // As failover says it in the end.
    await incus.says("config", "set", lost, "boot.autostart=true");
    await incus.start(lost);
    await until(
      `${lost} says what it is`,
      async () => (await this.#postgres.details(lost))?.state === "stale",
      90,
    );
    const { said, error } = await this.#postgres.rebuild(lost, 1);
    if (error !== undefined) throw new Error(`${said}\n${error}`);
    await this.untilWell();
  }
}
