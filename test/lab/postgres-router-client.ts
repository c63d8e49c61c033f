import { connect, type Socket } from "node:net";
import { postgresPorts } from "../../src/config/postgres.ts";
import { router, type NodeId } from "./postgres-router-lab.ts";

/** A client's connection through the router. */
export class Session {
  /** Id of the node that it came to; undefined: nobody took it. */
  readonly node: string | undefined;
  readonly #socket: Socket;
  #ended = false;

  private constructor(socket: Socket, node: string | undefined) {
    this.#socket = socket;
    this.node = node;
    socket.on("close", () => (this.#ended = true));
    if (node === undefined) this.#ended = true;
  }

  static async open(): Promise<Session> {
    const socket = connect({ host: router.address, port: postgresPorts.vip });
    const node = await new Promise<string | undefined>((resolve) => {
      socket.setTimeout(10_000, () => socket.destroy());
      socket.once("data", (data: Buffer) => {
        resolve(data.toString().trim());
      });
      socket.once("error", () => {
        resolve(undefined);
      });
      socket.once("close", () => {
        resolve(undefined);
      });
    });
    socket.setTimeout(0);
    socket.on("error", () => undefined);
    return new Session(socket, node);
  }

  get isOpen(): boolean {
    return !this.#ended;
  }

  /** Whether what is said still comes back. */
  async answers(): Promise<boolean> {
    if (this.#ended) return false;
    const back = new Promise<boolean>((resolve) => {
      this.#socket.once("data", () => {
        resolve(true);
      });
      this.#socket.once("close", () => {
        resolve(false);
      });
    });
    this.#socket.write("hello\n");
    return back;
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** Clients that come, are told where they are, and go. */
export class ConnectionLoad {
  #astray = 0;
  #taken = 0;
  #primary: string | undefined;
  #ends = false;
  readonly #clients: Promise<unknown>;

  constructor(clients = 4) {
    this.#clients = Promise.all(Array.from({ length: clients }, () => this.#client()));
  }

  /** The only node that may take anybody from now on. */
  expects(primary: NodeId): void {
    this.#primary = String(primary);
  }

  async stop(): Promise<{ readonly astray: number; readonly taken: number }> {
    this.#ends = true;
    await this.#clients;
    return { astray: this.#astray, taken: this.#taken };
  }

  async #client(): Promise<void> {
    while (!this.#ends) {
      const node = await reachedNode();
      if (node === undefined) await new Promise((resolve) => setTimeout(resolve, 20));
      else if (node === this.#primary) this.#taken += 1;
      else if (this.#primary !== undefined) this.#astray += 1;
    }
  }
}

/** Where a new connection comes to; undefined: nowhere. */
export async function reachedNode(): Promise<string | undefined> {
  const session = await Session.open();
  session.close();
  return session.node;
}
