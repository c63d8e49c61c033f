/** What the rooms that have to do with certificates agree on: where things lie in a load balancer's container. */

/** One PEM (chain and key) for each certificate, `<first name>.pem`; HAProxy serves all of them and selects by SNI. */
export const certificateDirectory = "/usr/local/etc/tls/haproxy";

/**
 * HAProxy map (`name 1` a line) of the names that have an issued certificate: only these are redirected to HTTPS and
 * promised to stay there. Kept by whatever issues certificates, not by an update.
 */
export const issuedNamesMap = "/usr/local/etc/tls/issued-names.map";

/** Path in front of the token that a CA asks for (RFC 8555, 8.3). */
export const challengePrefix = "/.well-known/acme-challenge/";

/** What a certificate is told to be a placeholder by: its subject's organization. */
export const placeholderOrganization = "veza-edge placeholder";

/** Loopback port in the container at which Prometheus metrics about certificates are answered. */
export const certificateMetricsPort = 8889;
