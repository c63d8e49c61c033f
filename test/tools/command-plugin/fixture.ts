import { afterAll, beforeAll, jest } from "@jest/globals";
import type { types } from "@pulumi/command";

import { Sandbox } from "./sandbox.ts";
import { startSshd, type Sshd } from "./sshd.ts";

export type Address = Required<Pick<types.input.remote.ConnectionArgs, "host" | "port" | "user" | "hostKey">>;

/** One sandbox and one SSH server for a file of tests; both come before and go after them. */
export class Fixture {
  #sandbox: Sandbox | undefined;
  #sshd: Sshd | undefined;

  /** `environment` is added to what the engine and the plugin get. */
  constructor(environment: Record<string, string> = {}) {
    jest.setTimeout(120_000);
    beforeAll(async () => {
      [this.#sandbox, this.#sshd] = await Promise.all([Sandbox.create(environment), startSshd()]);
    });
    afterAll(async () => {
      await this.#sshd?.stop();
      this.#sandbox?.dispose();
    });
  }

  get sandbox(): Sandbox {
    return there(this.#sandbox);
  }

  get sshd(): Sshd {
    return there(this.#sshd);
  }

  /** The server without a way to log in. */
  address(): Address {
    const { host, port, user, hostKeys } = this.sshd;
    return { host, port, user, hostKey: hostKeys.ed25519 };
  }

  /** The server with the key that opens it. */
  connection(): Address & { privateKey: string } {
    return { ...this.address(), privateKey: this.sshd.privateKey };
  }
}

function there<T>(part: T | undefined): T {
  if (part === undefined) throw new Error("only there while tests run");
  return part;
}
