import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { z } from "zod";
import { containerName, hostName, ipv4, port } from "./common.ts";
import { limitsSchema } from "./incus.ts";

/** Names in one certificate that Let's Encrypt takes at most. */
const namesPerCertificate = 100;
/** Longest first name: files are called after it, with more around it, and no file name is longer than 255. */
const firstNameLength = 200;
/** What a CA and DNS make of a name; international ones in their xn-- form. */
const label = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/;

const publicName = z.string().superRefine((name, context) => {
  const problem = problemWithName(name);
  if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
});

function problemWithName(name: string): string | undefined {
  if (isIP(name) !== 0) return "is an address; certificates are for names";
  if (name.includes("*"))
    return "is a wildcard: those need DNS-01, and this is HTTP-01. List the names one by one";
  if (name !== name.toLowerCase()) return `must be written in lower case: ${name.toLowerCase()}`;
  if (name.endsWith(".")) return "must be without the dot at the end";
  const labels = name.split(".");
  const last = labels.at(-1) ?? "";
  if (labels.length < 2 || name.length > 253 || /^\d+$/.test(last) || !labels.every((one) => label.test(one)))
    return "must be a host name such as www.veza.fr (international names in their xn-- form)";
  return undefined;
}

/** A domain as it is compared with names, which are canonical themselves; a top-level one, too. */
const domain = z.string().superRefine((text, context) => {
  const canonical = text.toLowerCase().replace(/^(\*?\.)+|\.+$/g, "");
  if (text.length <= 253 && text.split(".").every((one) => label.test(one))) return;
  const hint = canonical.split(".").every((one) => label.test(one))
    ? `: ${canonical}`
    : " such as talas.group";
  context.addIssue({
    code: "custom",
    message: `must be a domain in lower case, without a dot or a wildcard at either end${hint}. Every name in it is meant`,
  });
});

const certificate = z.strictObject({
  /** Names it is for, the first names its files (200 characters at most). One host name may stand in one certificate only. */
  names: z
    .array(publicName)
    .min(1)
    .refine(([first = ""]) => first.length <= firstNameLength, {
      path: [0],
      error: `has more than ${String(firstNameLength)} characters, and files are called after the first name: put a shorter one first`,
    })
    .max(
      namesPerCertificate,
      `has more than ${String(namesPerCertificate)} names, which no certificate may have: make two of it`,
    ),
  /** Key of this certificate. @default the keyType of all */
  keyType: z.enum(["ecdsa", "rsa"]).optional(),
});

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).serialNumber !== "";
  } catch {
    return false;
  }
}

const address = z.string().refine((text) => isIP(text) !== 0, "must be an IPv4 address such as 192.0.2.10");

/** `veza-edge:letsencrypt`: certificates from an ACME CA for the load balancer's public names. */
export const letsencryptSchema = z
  .strictObject({
    /** E-mail address that the CA may write to about the account. */
    contact: z.email(),
    /** The CA's ACME directory. @default https://acme-v02.api.letsencrypt.org/directory, or the one of `pebble` */
    directory: z.url({ protocol: /^https$/, error: "must be an https:// URL" }).optional(),
    /** Root that vouches for the CA's own web server, as PEM: for a private CA. @default the public roots, or the one of `pebble` */
    caCertificate: z
      .string()
      .refine(isCertificate, "must be a certificate as PEM (-----BEGIN CERTIFICATE-----…)")
      .optional(),
    certificates: z.array(certificate).min(1),
    /**
     * Addresses at which the internet reaches this edge: every name must resolve to these, and to nothing else. IPv4
     * only: the load balancer does not listen on IPv6 yet.
     */
    publicAddresses: z.array(address).min(1),
    /** DNS server that names are looked up at, `ADDRESS` or `ADDRESS:PORT`. @default the container's own, or the one of `pebble` */
    resolver: z
      .string()
      .regex(/^\d+\.\d+\.\d+\.\d+(:\d{1,5})?$/, "must be ADDRESS or ADDRESS:PORT")
      .optional(),
    /** Domains that no public CA may learn of; names in them are refused. @default [talas.group] */
    internalDomains: z.array(domain).default(["talas.group"]),
    /** Keys: P-256, or RSA with 2048 bits for clients that know nothing else. @default ecdsa */
    keyType: z.enum(["ecdsa", "rsa"]).default("ecdsa"),
    renewal: z
      .strictObject({
        /** When to look whether something is to be renewed, as systemd's OnCalendar. @default daily */
        schedule: z
          .string()
          .regex(
            /^[A-Za-z0-9*:/.,~ _-]+$/,
            "must be a calendar event as systemd.time(7) has it, such as daily",
          )
          .default("daily"),
        /** Seconds over which the look is spread by chance. @default 43200 (half a day) */
        jitterSeconds: z.int().min(0).max(86_400).default(43_200),
      })
      .prefault({}),
    /** Seconds that one certificate may take, from the first question to the CA to the last. @default 120 */
    timeoutSeconds: z.int().min(10).max(900).default(120),
    /** Where HAProxy sends the CA's questions: the sidecar beside dehydrated. */
    challenge: z
      .strictObject({
        /** For several load balancers with one issuer; there is one yet, so nothing else is taken. @default 127.0.0.1 */
        address: ipv4.default("127.0.0.1"),
        /** In the container, where nothing else may have it. @default 8888 */
        port: port.default(8_888),
      })
      .prefault({}),
    /** A Pebble of the stack's own as CA, with a DNS server that resolves every name to this edge: for labs. @default none */
    pebble: z
      .strictObject({
        /** Name of its container. @default pebble */
        name: containerName.default("pebble"),
        /** Host that it lives on. @default the stack's only host */
        host: hostName.optional(),
        /** IPv4 address on the stack's bridge. */
        address: ipv4,
        /** Seconds that its certificates are valid for. @default 7776000 (90 days) */
        certificateSeconds: z.int().min(60).default(7_776_000),
        /** Size limits of the container. @default none */
        limits: limitsSchema.optional(),
      })
      .optional(),
  })
  .superRefine(({ certificates, internalDomains }, context) => {
    const firsts = new Map<string, number>();
    for (const [c, { names }] of certificates.entries()) {
      for (const [n, name] of names.entries()) {
        const path = ["certificates", c, "names", n];
        const first = firsts.get(name);
        if (first !== undefined) {
          const where =
            first === c
              ? "in this certificate already"
              : `in certificates[${String(first)}] already: a name has one certificate`;
          context.addIssue({ code: "custom", path, message: `${name} is ${where}` });
        }
        firsts.set(name, first ?? c);
        const internal = internalDomains.find((domain) => name === domain || name.endsWith(`.${domain}`));
        if (internal !== undefined)
          context.addIssue({
            code: "custom",
            path,
            message: `${name} is an internal name (${internal}): no public CA may learn of it, and none could reach it`,
          });
      }
    }
  });
export type LetsencryptConfig = z.infer<typeof letsencryptSchema>;

export const letsencryptDirectory = "https://acme-v02.api.letsencrypt.org/directory";

/** Ports of a Pebble container. */
export const pebblePorts = { acme: 14_000, management: 15_000, dns: 53, dnsManagement: 8_055 } as const;

/** The CA and the DNS server that the config comes to. */
export function authority({ directory, resolver, pebble }: LetsencryptConfig): {
  readonly directory: string;
  /** Undefined: the container's own. */
  readonly resolver: string | undefined;
} {
  if (pebble === undefined) return { directory: directory ?? letsencryptDirectory, resolver };
  return {
    directory: directory ?? `https://${pebble.address}:${String(pebblePorts.acme)}/dir`,
    resolver: resolver ?? `${pebble.address}:${String(pebblePorts.dns)}`,
  };
}

/** Debian packages that a load balancer's image needs for it. */
export const letsencryptPackages = ["dehydrated", "busybox", "bind9-dnsutils"] as const;
