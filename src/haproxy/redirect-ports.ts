import type { LoadBalancerConfig } from "../config/load-balancer.ts";

/** A port for HTTP, and the one at which the same client finds HTTPS. */
export interface RedirectPort {
  readonly http: number;
  readonly https: number;
}

/** What `https://` means without a port. */
const httpsPort = 443;

/**
 * Where HTTPS is for who asked a port for HTTP, by the port that the client named, which is the host's where a host
 * publishes the load balancer, and the load balancer's own where somebody asks it directly. All instances answer alike,
 * so the first one that publishes a port decides for it. What leads to 443 is left out: that is where HTTPS is anyway.
 */
export function redirectPorts({
  instances,
  ports,
}: Pick<LoadBalancerConfig, "instances" | "ports">): RedirectPort[] {
  const published = instances.flatMap(({ publish }) =>
    publish.flatMap(({ http, https }) =>
      http === undefined || https === undefined ? [] : [{ http, https }],
    ),
  );
  const all = [...published, { http: ports.http, https: ports.https }];
  const known = new Map<number, RedirectPort>();
  for (const pair of all) if (!known.has(pair.http)) known.set(pair.http, pair);
  return [...known.values()].filter(({ https }) => https !== httpsPort);
}
