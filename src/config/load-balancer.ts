import { z } from "zod";
import { containerName, hostName, ipv4, port } from "./common.ts";
import { limitsSchema } from "./incus.ts";
import { maintenanceSchema } from "./maintenance.ts";

/** What HAProxy takes as the name of a server or a cookie without quoting. */
const word = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, "must be letters, digits, '.', '_' and '-', 63 at most");
const urlPath = z
  .string()
  .regex(/^\/[A-Za-z0-9._~/-]*$/, "must be an absolute path of plain characters, such as /api/v1/health");
/** Zero would mean "never" for one setting and "at once" for the next, so it is not offered. */
const seconds = (max: number) => z.int().min(1).max(max);

/** Goes to HAProxy as it is, line by line; only what no configuration file can hold is refused. */
const freeText = z
  .string()
  .refine(isPlainText, "must not hold control characters other than newline and tab");

/** Two years, what Mozilla's guidelines ask for. */
export const defaultHstsSeconds = 63_072_000;

const publish = z.strictObject({
  /** Address of the host that takes the traffic. @default 127.0.0.1 */
  address: ipv4.default("127.0.0.1"),
  /** Port of the host that leads to the load balancer's HTTP port. */
  http: port.optional(),
  /** Port of the host that leads to its HTTPS port; only together with `tls` or `letsencrypt`. Redirects lead from `http` to it. */
  https: port.optional(),
});

const instance = z.strictObject({
  /** Name of the container. @default haproxy */
  name: containerName.default("haproxy"),
  /** Host that the container lives on. @default the stack's only host */
  host: hostName.optional(),
  /** IPv4 address on the stack's bridge. */
  address: ipv4,
  /** Where the host hands its traffic to this container; empty: reachable on the bridge only. @default [] */
  publish: z.array(publish).default([]),
  /** Size limits of the container. @default none */
  limits: limitsSchema.optional(),
});

const staticServer = z.strictObject({
  /** HAProxy's server id. Tracks follow it, so it stays with the machine for good. */
  id: z.int().min(1).max(999),
  /** Server name, and value of the cookie. @default static-<id> */
  name: word.optional(),
  address: ipv4,
  port,
});
const staticPool = z.array(staticServer).superRefine((servers, context) => {
  const identities = {
    id: (server: StaticServer) => String(server.id),
    name: staticServerName,
    address: (server: StaticServer) => `${server.address}:${String(server.port)}`,
  };
  for (const [key, identity] of Object.entries(identities)) {
    for (const index of repeated(servers.map(identity))) {
      const message = `is listed twice: every server of a pool has ${key === "id" ? "an" : "a"} ${key} of its own`;
      context.addIssue({ code: "custom", path: [index, key], message });
    }
  }
});

const healthChecks = z
  .strictObject({
    /** Seconds between two checks of a server. @default 5 */
    intervalSeconds: seconds(300).default(5),
    /** Seconds between two checks while a server's state is in doubt, and after failed connections. @default 1 */
    fastIntervalSeconds: seconds(300).default(1),
    /** Milliseconds after which a check has failed. @default 2000 */
    timeoutMs: z.int().min(100).max(60_000).default(2_000),
    /** Failures in a row that make a server DOWN. @default 3 */
    fall: z.int().min(1).max(20).default(3),
    /** Successes in a row that make it UP again. @default 2 */
    rise: z.int().min(1).max(20).default(2),
    /** What is asked: answers 200 while the server can serve, and touches no database. */
    paths: z
      .strictObject({
        /** @default /api/v1/health */
        api_pool: urlPath.default("/api/v1/health"),
        /** @default /health */
        stream_pool: urlPath.default("/health"),
      })
      .prefault({}),
  })
  .refine((checks) => checks.fastIntervalSeconds <= checks.intervalSeconds, {
    path: ["fastIntervalSeconds"],
    error: "must not be longer than intervalSeconds",
  });

const timeouts = z.strictObject({
  /** Milliseconds for a TCP connection to a server; then another server is tried. @default 250 */
  connectMs: z.int().min(10).max(10_000).default(250),
  /** Seconds that a client may neither send nor read. @default 30 */
  clientSeconds: seconds(3_600).default(30),
  /** Seconds that a server may take for an answer, and for every further part of it. @default 30 */
  serverSeconds: seconds(3_600).default(30),
  /** Seconds that a client has for sending a request's headers. @default 10 */
  requestSeconds: seconds(300).default(10),
  /** Seconds that a connection may be idle between two requests. @default 15 */
  keepAliveSeconds: seconds(3_600).default(15),
  /** Seconds that a request may wait for a server that can take it. @default 5 */
  queueSeconds: seconds(300).default(5),
  /** Seconds that a WebSocket may be silent. @default 3600 */
  tunnelSeconds: seconds(86_400).default(3_600),
  /** Seconds for the second half of a connection whose first half was closed. @default 10 */
  finSeconds: seconds(300).default(10),
});

const limits = z.strictObject({
  /** Connections of clients at a time. Needs a bit more than twice as many file descriptors. @default 8000 */
  connections: z.int().min(100).max(1_000_000).default(8_000),
  /** Bytes for a request's line and headers, of which HAProxy keeps 1,024 for its own additions. @default 16384 */
  headerBytes: z.int().min(16_384).max(1_048_576).default(16_384),
  /** Configuration changes that an old worker survives while it still holds connections (WebSockets). @default 50 */
  oldWorkers: z.int().min(1).max(500).default(50),
  /** Seconds after a configuration change at which the old worker's remaining connections are cut. @default 3600 */
  oldWorkerSeconds: seconds(86_400).default(3_600),
});

const settings = z.strictObject({
  /** The load balancer's containers; all get the same configuration. */
  instances: z.array(instance).min(1),
  /** Ports in the container. */
  ports: z
    .strictObject({
      /** @default 80 */
      http: port.default(80),
      /** Open only with `tls` or `letsencrypt`. @default 443 */
      https: port.default(443),
      /** Statistics page and metrics: read-only, and answered to the bridge's subnet only. @default 9100 */
      stats: port.default(9_100),
    })
    .prefault({})
    .superRefine((ports, context) => {
      for (const index of repeated(Object.values(ports).map(String))) {
        const name = Object.keys(ports)[index] ?? "";
        context.addIssue({
          code: "custom",
          path: [name],
          message: "is the port of another listener already",
        });
      }
    }),
  cookie: z
    .strictObject({
      /** Cookie that keeps a client on one API server. A new name spreads all clients anew. @default VEZA_SERVERID */
      name: word.default("VEZA_SERVERID"),
    })
    .prefault({}),
  /** Which requests leave the default way to api_pool. */
  routes: z
    .strictObject({
      stream: z
        .strictObject({
          /** Requests below it go to stream_pool; the path segment that follows is the track id. @default /stream/ */
          prefix: z
            .string()
            .regex(/^\/(?:[A-Za-z0-9._~-]+\/)*$/, "must begin and end with a slash, such as /stream/")
            .default("/stream/"),
        })
        .prefault({}),
    })
    .prefault({}),
  healthChecks: healthChecks.prefault({}),
  timeouts: timeouts.prefault({}),
  limits: limits.prefault({}),
  /** One line of JSON per request, in /var/log/haproxy of each load balancer. */
  accessLog: z
    .strictObject({
      /** MiB that are kept; the oldest lines go first. 1,024 are a bit more than two million requests. @default 1024 */
      keepMiB: z.int().min(16).max(1_048_576).default(1_024),
    })
    .prefault({}),
  /** Seconds over which a server that came back regains its full share. @default 30 */
  slowStartSeconds: seconds(3_600).default(30),
  /** HTTPS with Mozilla's intermediate settings, and a redirect from HTTP to it. @default HTTP only, without `letsencrypt` */
  tls: z
    .strictObject({
      /**
       * PEM file with the chain and the key, read where `pulumi` runs, absolute or relative to the project; not together
       * with `letsencrypt`. @default certificates come from `letsencrypt`
       */
      certificate: z.string().min(1).optional(),
      /** Seconds for which browsers insist on HTTPS (HSTS); 0 takes the promise back. @default 63072000 (two years) */
      hstsSeconds: z.int().min(0).max(126_144_000).default(defaultHstsSeconds),
    })
    .optional(),
  /** What a maintenance (`bin/veza maintenance`) is like; whether there is one is an operator's word, not config. */
  maintenance: maintenanceSchema.prefault({}),
  /** Lines of haproxy.cfg that no other key covers, added at the end of the section they are named for. */
  extraConfig: z
    .strictObject({
      global: freeText.optional(),
      defaults: freeText.optional(),
      /** The public frontend, before its routes: `http-request`, `use_backend`, `bind`, `acl` and so on. */
      frontends: freeText.optional(),
      api_pool: freeText.optional(),
      stream_pool: freeText.optional(),
      /** Whole sections, at the end of the file. */
      sections: freeText.optional(),
    })
    .prefault({}),
  /** Servers of a pool that no fleet of this stack feeds. */
  staticServers: z
    .strictObject({
      /** @default [] */
      api_pool: staticPool.default([]),
      /** @default [] */
      stream_pool: staticPool.default([]),
    })
    .prefault({}),
});

/** `veza-edge:loadBalancer`: the HAProxy in front of the fleets. */
export const loadBalancerSchema = settings.superRefine(({ accessLog: { keepMiB }, instances }, context) => {
  for (const { name, limits } of instances) {
    const rootGiB = limits?.rootGiB;
    if (rootGiB === undefined || keepMiB <= rootGiB * 512) continue;
    const message = `is more than half of the root disk of ${name} (${String(rootGiB)} GiB): a log must not fill it`;
    context.addIssue({ code: "custom", path: ["accessLog", "keepMiB"], message });
  }
});

export type LoadBalancerConfig = z.infer<typeof loadBalancerSchema>;
export type StaticServer = z.infer<typeof staticServer>;

/** The name that a static server goes by in HAProxy. */
export function staticServerName(server: StaticServer): string {
  return server.name ?? `static-${String(server.id)}`;
}

/** Positions of values that occurred before. */
function repeated(values: readonly string[]): number[] {
  return values.flatMap((value, index) => (values.indexOf(value) < index ? [index] : []));
}

function isPlainText(text: string): boolean {
  return text.isWellFormed() && /^[\n\t\P{Cc}]*$/u.test(text);
}
