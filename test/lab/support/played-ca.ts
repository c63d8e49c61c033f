import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";

/** What a CA says no with (RFC 8555, 6.7). */
export interface Refusal {
  readonly status: number;
  /** The part after `urn:ietf:params:acme:error:`. */
  readonly type: string;
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A CA that has accounts and refuses every order: for answers that a real one only gives when it must. */
export class PlayedCa {
  readonly #server: Server;
  readonly #address: string;
  #refusal: Refusal;
  #orders = 0;

  private constructor(server: Server, address: string, refusal: Refusal) {
    this.#server = server;
    this.#address = address;
    this.#refusal = refusal;
  }

  /** @param address of this machine, which the certificate is for too */
  static async open(
    address: string,
    { certificate, key }: { readonly certificate: string; readonly key: string },
    refusal: Refusal,
  ): Promise<PlayedCa> {
    const server = createServer({ cert: certificate, key });
    const ca = new PlayedCa(server, address, refusal);
    server.on("request", (request, response) => {
      request.resume();
      response.setHeader("Replay-Nonce", Math.random().toString(36).slice(2));
      const path = request.url ?? "";
      if (path === "/dir") {
        response.end(JSON.stringify(ca.#directory()));
      } else if (path === "/account") {
        response.writeHead(201, { Location: `${ca.#url()}/account/1`, "Content-Type": "application/json" });
        response.end('{"status":"valid"}');
      } else if (path === "/order") {
        ca.#orders += 1;
        const { status, type, detail, headers } = ca.#refusal;
        response.writeHead(status, { "Content-Type": "application/problem+json", ...headers });
        response.end(JSON.stringify({ type: `urn:ietf:params:acme:error:${type}`, detail, status }));
      } else {
        response.end();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, address, resolve));
    return ca;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get directory(): string {
    return `${this.#url()}/dir`;
  }

  /** Orders that it was asked for. */
  get orders(): number {
    return this.#orders;
  }

  /** What orders are answered with from now on. */
  refuseWith(refusal: Refusal): void {
    this.#refusal = refusal;
  }

  #url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `https://${this.#address}:${String(port)}`;
  }

  #directory(): object {
    const url = this.#url();
    return {
      newNonce: `${url}/nonce`,
      newAccount: `${url}/account`,
      newOrder: `${url}/order`,
      revokeCert: `${url}/revoke`,
      keyChange: `${url}/key`,
    };
  }
}
