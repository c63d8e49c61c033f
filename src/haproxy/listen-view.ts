import { z } from "zod";
import { probeName, type Resolvers, type TcpListen } from "./listen.ts";
import { number, word } from "./words.ts";

export const resolversSchema = z.strictObject({ name: word, address: word, holdSeconds: number });

export const listenSchema = z.strictObject({
  name: word,
  port: number,
  connectMs: number,
  checkMs: number,
  idleSeconds: number,
  finSeconds: number,
  check: z.strictObject({
    port: number,
    path: word,
    intervalMs: number,
    fastIntervalMs: number,
    fall: number,
    rise: number,
  }),
  servers: z.array(
    z.strictObject({
      name: word,
      id: number,
      at: word,
      port: number,
      /** Backend that checks it; empty: it is checked where it is. */
      probe: word,
    }),
  ),
});

export function resolversView(resolvers: Resolvers): z.infer<typeof resolversSchema> {
  return { ...resolvers, holdSeconds: String(resolvers.holdSeconds) };
}

export function listenView(listen: TcpListen): z.infer<typeof listenSchema> {
  const { name, check, servers } = listen;
  return {
    name,
    port: String(listen.port),
    connectMs: String(listen.connectMs),
    checkMs: String(check.timeoutMs),
    idleSeconds: String(listen.idleSeconds),
    finSeconds: String(listen.finSeconds),
    check: {
      port: String(check.port),
      path: check.path,
      intervalMs: String(check.intervalMs),
      fastIntervalMs: String(check.fastIntervalMs),
      fall: String(check.fall),
      rise: String(check.rise),
    },
    servers: servers.map((server) => ({
      name: server.name,
      id: String(server.id),
      at: server.hostName ?? server.address,
      port: String(server.port),
      probe: server.hostName === undefined ? "" : probeName(server),
    })),
  };
}
