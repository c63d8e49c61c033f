import type { EdgeOutputs } from "../../../src/outputs.ts";
import type { MonitoringConfig } from "./config.ts";

/** One thing that answers with metrics. */
export interface Target {
  /** What people call it: its container. */
  readonly instance: string;
  /** `ADDRESS:PORT` */
  readonly address: string;
}

/** Targets of one kind, which are asked alike. */
export interface ScrapeJob {
  readonly name: string;
  readonly scheme: string;
  readonly path: string;
  readonly intervalSeconds: number;
  /** Seconds after which a target counts as down. */
  readonly timeoutSeconds: number;
  readonly targets: readonly Target[];
}

/** Port of Prometheus in its container. */
export const prometheusPort = 9090;

/** Where the dashboard is: published ports first, then on the bridge. */
export function dashboardUrls({ publish, address }: MonitoringConfig): readonly string[] {
  // The path at which Prometheus serves the pages of its user.
  return [...publish, { address, port: prometheusPort }].map(
    (at) => `http://${at.address}:${String(at.port)}/user/`,
  );
}

/**
 * Everything that the watched stack says can be scraped, and what the config adds. Jobs without targets are left out.
 * @throws RangeError when the stack was deployed before it said where its database's metrics are
 */
export function scrapeJobs(edge: EdgeOutputs, config: MonitoringConfig): readonly ScrapeJob[] {
  const { scrapeSeconds } = config;
  const balancers = edge.loadBalancers;
  const own = (name: string, endpoints: readonly Endpoint[], intervalSeconds = scrapeSeconds): ScrapeJob[] =>
    jobOf(name, endpoints, intervalSeconds);
  return [
    ...own(
      "haproxy",
      balancers.map(({ name, metrics }) => ({ instance: name, url: metrics })),
    ),
    // Each answer looks at every certificate on the disk.
    ...own(
      "certificates",
      balancers.flatMap(({ name, certificateMetrics: url }) =>
        url === undefined ? [] : [{ instance: name, url }],
      ),
      4 * scrapeSeconds,
    ),
    ...own(
      "database-router",
      (edge.postgres?.routers ?? []).map(({ name, metrics }) => ({ instance: name, url: metrics })),
    ),
    ...own(
      "postgres",
      (edge.postgres?.nodes ?? []).map(({ name, metrics }) => {
        if (metrics === undefined)
          throw new RangeError(
            `${edge.project} was deployed by an older version of veza-edge, which does not say where ${name} has its metrics. Nothing was changed. Deploy it first: bin/pulumi up`,
          );
        return { instance: name, url: metrics };
      }),
    ),
    ...own("prometheus", [
      { instance: config.name, url: `http://127.0.0.1:${String(prometheusPort)}/metrics` },
    ]),
    ...Object.entries(config.extraTargets).flatMap(([name, url]) => own(name, [{ instance: name, url }])),
  ];
}

interface Endpoint {
  readonly instance: string;
  readonly url: string;
}

/** What is asked alike: all endpoints of a job have one scheme and one path. */
function jobOf(name: string, endpoints: readonly Endpoint[], intervalSeconds: number): ScrapeJob[] {
  const [first] = endpoints;
  if (first === undefined) return [];
  const { protocol, pathname } = new URL(first.url);
  return [
    {
      name,
      scheme: protocol.replace(":", ""),
      path: pathname,
      intervalSeconds,
      timeoutSeconds: Math.min(10, intervalSeconds),
      targets: endpoints.map(({ instance, url }) => ({ instance, address: hostAndPort(url) })),
    },
  ];
}

function hostAndPort(url: string): string {
  const { hostname, port, protocol } = new URL(url);
  return `${hostname}:${port || (protocol === "https:" ? "443" : "80")}`;
}
