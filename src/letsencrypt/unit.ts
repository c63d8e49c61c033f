import { isIPv6 } from "node:net";
import { z } from "zod";
import {
  certificateDirectory,
  certificateMetricsPort,
  issuedNamesMap,
  placeholderOrganization,
} from "../config/certificates.ts";
import type { LetsencryptConfig } from "../config/letsencrypt.ts";
import type { FileSpec } from "../incus/file-spec.ts";
import type { FilesSpec } from "../incus/files-body.ts";
import { assignments, quote } from "../shell/quote.ts";
import { readScript } from "../shell/read-script.ts";
import { renderTemplate } from "../templating/render.ts";

/** The program that issues, renews and installs certificates; see its head for its verbs. */
export const certificateProgram = "/usr/local/lib/veza/certificates";

/** What outlives the load balancer's container: accounts, issued certificates, what came of the last attempts. */
export const certificateVolume = "/var/lib/dehydrated";

/** Seconds that an update waits at each of its steps for another run of the program, which may have the CA to wait for. */
const lockSeconds = 60;

const challengeDirectory = "/var/lib/veza/challenges";
const tlsDirectory = "/usr/local/etc/tls";
const placeholderDirectory = `${tlsDirectory}/placeholders`;

const libraries = [
  "settings",
  "pem",
  "store",
  "handover",
  "attempts",
  "reason",
  "dns",
  "issue",
  "report",
] as const;

export interface LetsencryptOptions {
  /** The CA's ACME directory, an https:// URL. */
  readonly directory: string;
  /** DNS server, `ADDRESS` or `ADDRESS:PORT`. Undefined: the container's own. */
  readonly resolver: string | undefined;
  /** PEM in the container by which the CA itself is trusted. @default the system's CAs */
  readonly caCertificate?: string;
}

/**
 * All that a load balancer's container needs to get certificates, but for the volume: dehydrated's configuration, the
 * program around it, the sidecar that answers the CA, timer and metrics. Brings nothing into HAProxy's directory that
 * the CA did not issue.
 */
export function letsencryptUnit(config: LetsencryptConfig, options: LetsencryptOptions): FilesSpec {
  const { address } = config.challenge;
  const sidecar = address === "127.0.0.1";
  return {
    unit: "letsencrypt",
    users: sidecar ? [{ name: "veza-challenge", home: challengeDirectory }] : [],
    directories: [
      { path: certificateVolume, mode: "0700", owner: "root:root" },
      { path: challengeDirectory, mode: "0755", owner: "root:root" },
      { path: certificateDirectory, mode: "0700", owner: "root:root" },
    ],
    files: [
      ...dehydratedFiles(config, options),
      environmentFile(config, options),
      ...programFiles(),
      ...(sidecar ? [challengeService(config)] : []),
      ...renewalUnits(config),
    ],
    followUp: {
      script: readScript(import.meta.url, "letsencrypt.sh"),
      parameters: {
        SCHEDULE: config.renewal.schedule,
        CHALLENGE: sidecar ? `${address}:${String(config.challenge.port)}` : "",
        METRICS: `127.0.0.1:${String(certificateMetricsPort)}`,
        LOCK_SECONDS: lockSeconds,
      },
    },
  };
}

/**
 * Certificates that nobody trusts, for HAProxy to begin with: they are used for a name until it has an issued one.
 *
 * @param pems chain and key of each configured certificate, by its first name
 */
export function placeholderUnit(pems: readonly { readonly name: string; readonly pem: string }[]): FilesSpec {
  return {
    unit: "placeholders",
    directories: [{ path: placeholderDirectory, mode: "0700", owner: "root:root" }],
    files: pems.map(({ name, pem }) => ({
      path: `${placeholderDirectory}/${name}.pem`,
      content: pem.endsWith("\n") ? pem : `${pem}\n`,
      mode: "0600",
      owner: "root:root",
    })),
    followUp: { script: readScript(import.meta.url, "placeholders.sh") },
  };
}

/**
 * Seconds that `certificates renew` may take at most: another run that has to end first, then for each certificate the
 * DNS server's slowness, which has more time with more names, and the CA's twice (an account that it does not know is
 * registered again).
 */
export function renewalSeconds({ certificates, timeoutSeconds }: LetsencryptConfig): number {
  const each = certificates.map(({ names }) => 30 + names.length + 2 * (timeoutSeconds + 5));
  return 300 + each.reduce((sum, seconds) => sum + seconds, 0) + 60;
}

/**
 * Seconds that bringing the program, or placeholders, may take at most: another run that has to end first, before files
 * are changed and again before certificates are, then what services and each certificate take.
 */
export function installSeconds({ certificates }: LetsencryptConfig): number {
  return 2 * lockSeconds + 60 + 2 * certificates.length;
}

const words = z.record(z.string(), z.string());

function rooted(path: string, mode: string, content: string): FileSpec {
  return { path, mode, content, owner: "root:root" };
}

function dehydratedFiles(config: LetsencryptConfig, options: LetsencryptOptions): FileSpec[] {
  const { caCertificate, directory } = options;
  // dehydrated splits these at spaces; without them one silent server would use up the whole time.
  const curlOptions = `--proto =https --connect-timeout 10 --max-time 30${caCertificate === undefined ? "" : ` --cacert ${caCertificate}`}`;
  const main = renderTemplate("etc/dehydrated/config.hbs", words, {
    directory: quote(directory),
    contact: quote(config.contact),
    volume: certificateVolume,
    challenges: challengeDirectory,
    curlOptions: quote(curlOptions),
  });
  const domains = renderTemplate(
    "etc/dehydrated/domains.txt.hbs",
    z.strictObject({ certificates: z.array(z.string()) }),
    { certificates: config.certificates.map(({ names }) => names.join(" ")) },
  );
  return [
    rooted("/etc/dehydrated/config", "0644", main),
    rooted("/etc/dehydrated/domains.txt", "0644", domains),
    ...config.certificates.map((certificate) => certificateSettings(certificate, config.keyType)),
  ];
}

const keys = {
  ecdsa: { algorithm: "prime256v1", size: "" },
  rsa: { algorithm: "rsa", size: "2048" },
} as const;

function certificateSettings(
  { names, keyType }: LetsencryptConfig["certificates"][number],
  keyTypeOfAll: keyof typeof keys,
): FileSpec {
  const [primary = ""] = names;
  const content = renderTemplate("etc/dehydrated/certificate.hbs", words, keys[keyType ?? keyTypeOfAll]);
  return rooted(`/etc/dehydrated/certificates.d/${primary}`, "0644", content);
}

function environmentFile(config: LetsencryptConfig, { directory, resolver }: LetsencryptOptions): FileSpec {
  const [resolverAddress = "", resolverPort = "53"] = resolver?.split(":") ?? [];
  const lines = assignments({
    DIRECTORY: directory,
    CONTACT: config.contact,
    PUBLIC_ADDRESSES: config.publicAddresses.map(asDnsWritesIt).join(" "),
    RESOLVER: resolverAddress,
    RESOLVER_PORT: resolverPort,
    TIMEOUT: config.timeoutSeconds,
    LOCK_SECONDS: lockSeconds,
    PLACEHOLDER_ORGANIZATION: placeholderOrganization,
    CERTIFICATES: certificateDirectory,
    PLACEHOLDERS: placeholderDirectory,
    ISSUED_NAMES: issuedNamesMap,
    INSTALLED: `${tlsDirectory}/installed-certificates`,
    VOLUME: certificateVolume,
    CHALLENGES: challengeDirectory,
  });
  return rooted(
    "/etc/veza/certificates.env",
    "0644",
    renderTemplate("etc/veza/certificates.env.hbs", words, { lines }),
  );
}

/** IPv6 addresses can be written in many ways; DNS tools print one. */
function asDnsWritesIt(address: string): string {
  return isIPv6(address) ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address;
}

function programFiles(): FileSpec[] {
  const home = "/usr/local/lib/veza";
  const script = (name: string, path: string, mode: string): FileSpec =>
    rooted(path, mode, renderTemplate(`usr/local/lib/veza/${name}.sh`, z.strictObject({}), {}));
  return [
    script("certificates", certificateProgram, "0755"),
    script("certificates-hook", `${home}/certificates-hook`, "0755"),
    script("certificate-metrics", `${home}/certificate-metrics`, "0755"),
    ...libraries.map((name) => script(`certificates.d/${name}`, `${home}/certificates.d/${name}.sh`, "0644")),
  ];
}

function systemdUnit(name: string, view: Readonly<Record<string, string>>): FileSpec {
  const path = `etc/systemd/system/${name}`;
  return rooted(`/${path}`, "0644", renderTemplate(`${path}.hbs`, words, view));
}

function challengeService({ challenge }: LetsencryptConfig): FileSpec {
  return systemdUnit("veza-challenge.service", {
    address: challenge.address,
    port: String(challenge.port),
    challenges: challengeDirectory,
  });
}

function renewalUnits(config: LetsencryptConfig): FileSpec[] {
  return [
    systemdUnit("veza-certificates.service", {
      limitSeconds: String(renewalSeconds(config)),
      volume: certificateVolume,
      challenges: challengeDirectory,
      tls: tlsDirectory,
    }),
    systemdUnit("veza-certificates.timer", {
      schedule: config.renewal.schedule,
      jitterSeconds: String(config.renewal.jitterSeconds),
    }),
    systemdUnit("veza-certificate-metrics.service", { port: String(certificateMetricsPort) }),
  ];
}
