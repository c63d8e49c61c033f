import { connect, createServer, type Server, type Socket } from "node:net";

/** A piece of network between a client and a server on 127.0.0.1, to be cut. */
export interface Wire {
  readonly port: number;
  /** Ends every connection on it at once. */
  cut(): void;
  /** Goes on accepting and holds connections, but lets nothing through any more. */
  stall(): void;
  close(): Promise<void>;
}

/** Without a target the wire accepts connections and never says a word. */
export async function layWire(target?: number): Promise<Wire> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    track(near);
    if (target === undefined) return;
    const far = connect(target, "127.0.0.1");
    track(far);
    near.pipe(far);
    far.pipe(near);
  });
  function track(socket: Socket): void {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  }
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => sockets.forEach((socket) => socket.resetAndDestroy());
  return {
    port: portOf(server),
    cut,
    stall: () => sockets.forEach((socket) => socket.unpipe().pause()),
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening on a port");
  return address.port;
}
