import { z } from "zod";
import type { PoolServer } from "../config/pool.ts";
import { listenSchema, listenView, resolversSchema, resolversView } from "./listen-view.ts";
import { connectionLogFormat, errorLogFormat, logFormat } from "./log-format.ts";
import {
  followerName,
  monitorPath,
  type Backend,
  type FollowBackend,
  type FreeText,
  type Frontend,
  type HaproxyModel,
  type PoolBackend,
  type PublicFrontend,
  type SidecarBackend,
  type StatsFrontend,
} from "./model.ts";
import type { Tls } from "./tls.ts";
import { line, lines, number, word } from "./words.ts";

/** What the template of haproxy.cfg is given. */
export const documentSchema = z.strictObject({
  global: z.strictObject({
    oldWorkers: number,
    oldWorkerSeconds: number,
    connections: number,
    headerBytes: number,
    tls: z.boolean(),
    extra: lines,
  }),
  defaults: z.strictObject({
    connectMs: number,
    checkMs: number,
    clientSeconds: number,
    serverSeconds: number,
    requestSeconds: number,
    keepAliveSeconds: number,
    queueSeconds: number,
    tunnelSeconds: number,
    finSeconds: number,
    extra: lines,
  }),
  logFormat: line,
  errorLogFormat: line,
  publics: z.array(
    z.strictObject({
      name: word,
      httpPort: number,
      monitorPath: word,
      tls: z.union([
        z.literal(false),
        z.strictObject({
          port: number,
          certificateDirectory: word,
          hstsSeconds: number,
          certificates: line,
          /** Empty: every name is sent to HTTPS, and what names none is refused on HTTP. */
          namesMap: word,
          redirectPorts: z.array(z.strictObject({ asked: z.array(number), https: number })),
          cookie: word,
        }),
      ]),
      maintenance: z.strictObject({ map: word, allowedFrom: line, retryAfterSeconds: number }),
      challenge: z.union([z.literal(false), z.strictObject({ prefix: word, backend: word })]),
      routes: z.array(z.strictObject({ prefix: word, backend: word })),
      defaultBackend: word,
      extraRules: lines,
      extraRoutes: lines,
    }),
  ),
  pools: z.array(
    z.strictObject({
      name: word,
      cookie: word,
      hashField: z.union([number, z.literal("")]),
      check: z.strictObject({
        path: word,
        intervalSeconds: number,
        fastIntervalSeconds: number,
        fall: number,
        rise: number,
      }),
      slowStartSeconds: number,
      servers: z.array(
        z.strictObject({
          name: word,
          address: word,
          port: number,
          id: number,
          agentPort: word,
          follower: word,
        }),
      ),
      extra: lines,
    }),
  ),
  followers: z.array(
    z.strictObject({ name: word, pool: word, serverName: word, address: word, port: number }),
  ),
  sidecars: z.array(z.strictObject({ name: word, address: word, port: number, stripPrefix: word })),
  stats: z.array(
    z.strictObject({
      name: word,
      port: number,
      allowedFrom: line,
      routes: z.array(z.strictObject({ path: word, backend: word })),
    }),
  ),
  resolvers: z.union([z.literal(false), resolversSchema]),
  listens: z.array(listenSchema),
  connectionLogFormat: line,
  sections: lines,
});
export type DocumentView = z.infer<typeof documentSchema>;

export function documentView(model: HaproxyModel): DocumentView {
  const { global, defaults, frontends, backends } = model;
  const of = <M extends { kind: string }, K extends M["kind"]>(all: readonly M[], kind: K) =>
    all.filter((one): one is Extract<M, { kind: K }> => one.kind === kind);
  return {
    global: {
      oldWorkers: String(global.oldWorkers),
      oldWorkerSeconds: String(global.oldWorkerSeconds),
      connections: String(global.connections),
      headerBytes: String(global.headerBytes),
      tls: of<Frontend, "public">(frontends, "public").some((frontend) => frontend.tls !== undefined),
      extra: indented(global.extra),
    },
    defaults: {
      connectMs: String(defaults.connectMs),
      checkMs: String(defaults.checkMs),
      clientSeconds: String(defaults.clientSeconds),
      serverSeconds: String(defaults.serverSeconds),
      requestSeconds: String(defaults.requestSeconds),
      keepAliveSeconds: String(defaults.keepAliveSeconds),
      queueSeconds: String(defaults.queueSeconds),
      tunnelSeconds: String(defaults.tunnelSeconds),
      finSeconds: String(defaults.finSeconds),
      extra: indented(defaults.extra),
    },
    logFormat,
    errorLogFormat,
    publics: of<Frontend, "public">(frontends, "public").map(publicView),
    pools: of<Backend, "pool">(backends, "pool").map(poolView),
    followers: of<Backend, "follow">(backends, "follow").map(followerView),
    sidecars: of<Backend, "sidecar">(backends, "sidecar").map(sidecarView),
    stats: of<Frontend, "stats">(frontends, "stats").map(statsView),
    resolvers: model.resolvers !== undefined && resolversView(model.resolvers),
    listens: model.listens.map(listenView),
    connectionLogFormat,
    sections: model.sections === undefined ? [] : freeLines(model.sections, ""),
  };
}

function publicView(frontend: PublicFrontend): DocumentView["publics"][number] {
  const { name, httpPort, tls, maintenance, challenge, routes, defaultBackend, extra } = frontend;
  return {
    name,
    httpPort: String(httpPort),
    monitorPath,
    tls: tls !== undefined && tlsView(tls),
    maintenance: {
      map: maintenance.map,
      allowedFrom: maintenance.allowedFrom.join(" "),
      retryAfterSeconds: String(maintenance.retryAfterSeconds),
    },
    challenge: challenge !== undefined && challenge,
    routes: routes.map((route) => ({ ...route })),
    defaultBackend,
    ...rulesAndRoutes(indented(extra)),
  };
}

function tlsView(tls: Tls): Exclude<DocumentView["publics"][number]["tls"], false> {
  return {
    port: String(tls.port),
    certificateDirectory: tls.certificateDirectory,
    hstsSeconds: String(tls.hstsSeconds),
    certificates: tls.certificates,
    namesMap: tls.namesMap ?? "",
    // HAProxy finds port 0 where a client names none, which means 80.
    redirectPorts: tls.redirectPorts.map(({ http, https }) => ({
      asked: http === 80 ? ["0", "80"] : [String(http)],
      https: String(https),
    })),
    // Of all that a cookie's name may hold, only the dot is more than itself to a regular expression.
    cookie: tls.cookie.replaceAll(".", "[.]"),
  };
}

/**
 * A user's own lines of a frontend, parted where routes begin: the CA's requests have to be routed before, and HAProxy
 * wants no rules behind a route. A condition of the file (`.if`) is not entered, or that route would depend on it.
 */
function rulesAndRoutes(lines: readonly string[]): { extraRules: string[]; extraRoutes: string[] } {
  const found = lines.findIndex((one) => /^\s*(use_backend|\.if)\b/.test(one));
  if (found === -1) return { extraRules: [...lines], extraRoutes: [] };
  // With the comments in front of it.
  const at = lines.slice(0, found).findLastIndex((one) => !/^\s*(#|$)/.test(one)) + 1;
  return { extraRules: lines.slice(0, at), extraRoutes: lines.slice(at) };
}

function poolView(pool: PoolBackend): DocumentView["pools"][number] {
  const { balance, check } = pool;
  return {
    name: pool.name,
    cookie: balance.kind === "sticky" ? balance.cookie : "",
    // HAProxy counts the empty field before the first slash.
    hashField: balance.kind === "path-segment" ? String(balance.segment + 1) : "",
    check: {
      path: check.path,
      intervalSeconds: String(check.intervalSeconds),
      fastIntervalSeconds: String(check.fastIntervalSeconds),
      fall: String(check.fall),
      rise: String(check.rise),
    },
    slowStartSeconds: String(pool.slowStartSeconds),
    servers: pool.servers.map((server) => ({
      ...serverView(server),
      id: String(server.id),
      agentPort: server.agentPort === undefined ? "" : String(server.agentPort),
      follower: followerName(server),
    })),
    extra: indented(pool.extra),
  };
}

function followerView({ name, pool, server }: FollowBackend): DocumentView["followers"][number] {
  return { name, pool, serverName: server.name, address: server.address, port: String(server.port) };
}

function sidecarView({ name, address, port, stripPrefix }: SidecarBackend): DocumentView["sidecars"][number] {
  return { name, address, port: String(port), stripPrefix: stripPrefix ?? "" };
}

function statsView({ name, port, allowedFrom, routes }: StatsFrontend): DocumentView["stats"][number] {
  return {
    name,
    port: String(port),
    allowedFrom: allowedFrom.join(" "),
    routes: routes.map((route) => ({ ...route })),
  };
}

function serverView({ name, address, port }: PoolServer): { name: string; address: string; port: string } {
  return { name, address, port: String(port) };
}

function indented(text: FreeText | undefined): string[] {
  return text === undefined ? [] : freeLines(text, "    ");
}

/** A user's lines with a comment that says where they come from. */
function freeLines({ yamlPath, text }: FreeText, indent: string): string[] {
  const body = text.replace(/\n+$/, "").split("\n");
  return ["", `${indent}# ${yamlPath}`, ...body.map((one) => (one.trim() === "" ? "" : indent + one))];
}
