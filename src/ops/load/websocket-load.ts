import { WebSocket, type RawData } from "ws";
import { Cookies } from "./cookies.ts";
import type { LoadOptions, WebSocketLoadOptions } from "./options.ts";
import type { Reconnect, WebSocketReport } from "./report.ts";
import { Tally } from "./tally.ts";

const defaultConnectTimeoutMs = 5_000;
/** Pause after an attempt that failed at once, so that a dead edge is not hammered. */
const retryPauseMs = 50;

/** A running set of WebSocket clients. */
export class WebSocketLoad {
  readonly #options: WebSocketLoadOptions;
  readonly #clients: readonly EchoClient[];

  constructor(load: LoadOptions, options: WebSocketLoadOptions, startedAt: number) {
    this.#options = options;
    const url = new URL(options.path, load.baseUrl.replace(/^http/, "ws")).href;
    this.#clients = Array.from(
      { length: options.clients },
      (_, index) => new EchoClient(index, url, load.tls ?? {}, options, startedAt),
    );
  }

  async stop(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.stop()));
  }

  report(): WebSocketReport {
    const connectedTo = new Tally();
    const connectErrors: Record<string, number> = {};
    for (const client of this.#clients) {
      if (client.instance !== undefined) connectedTo.add(client.instance);
      for (const [reason, count] of Object.entries(client.connectErrors.counts)) {
        connectErrors[reason] = (connectErrors[reason] ?? 0) + count;
      }
    }
    const sum = (of: (client: EchoClient) => number): number =>
      this.#clients.reduce((total, client) => total + of(client), 0);
    return {
      clients: this.#options.clients,
      connected: sum((client) => (client.instance === undefined ? 0 : 1)),
      connectedTo: connectedTo.counts,
      messages: sum((client) => client.messages),
      echoes: sum((client) => client.echoes),
      connectErrors,
      reconnects: this.#clients.flatMap((client) => client.reconnects).sort((a, b) => a.atMs - b.atMs),
    };
  }
}

/** One client: connects, greets, echoes, and starts again when cut off. */
class EchoClient {
  readonly connectErrors = new Tally();
  readonly reconnects: Reconnect[] = [];
  messages = 0;
  echoes = 0;
  /** The instance of the open connection, once it has introduced itself. */
  instance: string | undefined;

  readonly #index: number;
  readonly #url: string;
  readonly #tls: NonNullable<LoadOptions["tls"]>;
  readonly #options: WebSocketLoadOptions;
  readonly #startedAt: number;
  readonly #cookies = new Cookies();
  #socket: WebSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** When the last message came. */
  #silentSince = 0;
  #stopping = false;

  constructor(
    index: number,
    url: string,
    tls: NonNullable<LoadOptions["tls"]>,
    options: WebSocketLoadOptions,
    startedAt: number,
  ) {
    this.#index = index;
    this.#url = url;
    this.#tls = tls;
    this.#options = options;
    this.#startedAt = startedAt;
    this.#connect();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    const socket = this.#socket;
    if (socket === undefined || socket.readyState === WebSocket.CLOSED) return;
    await new Promise<void>((resolve) => {
      const limit = setTimeout(() => socket.terminate(), 1_000);
      socket.once("close", () => {
        clearTimeout(limit);
        resolve();
      });
      socket.close(1000);
    });
  }

  #connect(): void {
    const cookie = this.#cookies.header;
    const { ca, serverName } = this.#tls;
    const limitMs = this.#options.connectTimeoutMs ?? defaultConnectTimeoutMs;
    const socket = new WebSocket(this.#url, {
      handshakeTimeout: limitMs,
      perMessageDeflate: false,
      headers: {
        ...(cookie === undefined ? {} : { Cookie: cookie }),
        ...(serverName === undefined ? {} : { Host: serverName }),
      },
      ...(ca === undefined ? {} : { ca }),
      ...(serverName === undefined ? {} : { servername: serverName }),
    });
    this.#socket = socket;
    // A handshake may succeed with nobody behind it: without a first message in time it counts as failed.
    const silent = setTimeout(() => socket.terminate(), limitMs);
    let reason = "NO_GREETING";

    socket.on("upgrade", (response) => this.#cookies.store(response.headers["set-cookie"]));
    socket.on("error", (error) => {
      reason = "code" in error && typeof error.code === "string" ? error.code : error.message;
    });
    socket.on("message", (data) => {
      if (this.instance !== undefined) {
        this.echoes += 1;
        this.#silentSince = performance.now();
        this.#timer = setTimeout(() => this.#send(socket), this.#options.messageEveryMs);
        return;
      }
      clearTimeout(silent);
      this.instance = instanceOf(data);
      this.#noteReturn(this.instance);
      this.#silentSince = performance.now();
      this.#send(socket);
    });
    socket.on("close", (code) => {
      clearTimeout(silent);
      clearTimeout(this.#timer);
      const from = this.instance;
      this.instance = undefined;
      if (this.#stopping) return;
      if (from === undefined) {
        this.connectErrors.add(reason);
        this.#timer = setTimeout(() => this.#connect(), retryPauseMs);
      } else {
        this.reconnects.push({
          client: this.#index,
          atMs: performance.now() - this.#startedAt,
          closeCode: code,
          from,
          to: undefined,
          reconnectMs: undefined,
          silenceMs: undefined,
        });
        this.#connect();
      }
    });
  }

  #send(socket: WebSocket): void {
    if (socket.readyState !== WebSocket.OPEN) return;
    this.messages += 1;
    socket.send(`message ${this.messages}`);
  }

  /** Completes the record of the last loss, if this greeting ends one. */
  #noteReturn(to: string): void {
    const last = this.reconnects.at(-1);
    if (last === undefined || last.to !== undefined) return;
    const now = performance.now();
    this.reconnects[this.reconnects.length - 1] = {
      ...last,
      to,
      reconnectMs: now - this.#startedAt - last.atMs,
      silenceMs: now - this.#silentSince,
    };
  }
}

function instanceOf(message: RawData): string {
  try {
    const parsed: unknown = JSON.parse(Buffer.isBuffer(message) ? message.toString() : "");
    if (typeof parsed === "object" && parsed !== null && "instance" in parsed) return String(parsed.instance);
  } catch {
    // Not JSON: some other server.
  }
  return "unnamed";
}
