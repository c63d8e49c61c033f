import { describe, expect, it } from "@jest/globals";
import { authority, letsencryptSchema } from "../../src/config/letsencrypt.ts";
import { mistakesOf } from "./support/mistakes.ts";

const plain = {
  contact: "ops@veza.fr",
  publicAddresses: ["192.0.2.10"],
  certificates: [{ names: ["veza.fr", "www.veza.fr"] }, { names: ["talas.fr"] }],
};

interface Choices {
  readonly letsencrypt?: object | undefined;
  readonly loadBalancer?: object | undefined;
  readonly rest?: Readonly<Record<string, unknown>>;
}

/** Every mistake in a stack's config, as `path: message`. */
function mistakes({ letsencrypt = {}, loadBalancer = {}, rest = {} }: Choices = {}): readonly string[] {
  return mistakesOf("prod", {
    "veza-edge:hosts": { main: { connection: "local" } },
    "veza-edge:network": { gateway: "10.77.0.1/24" },
    "veza-edge:loadBalancer": {
      instances: [{ address: "10.77.0.10", publish: [{ http: 80, https: 443 }] }],
      ...loadBalancer,
    },
    "veza-edge:letsencrypt": { ...plain, ...letsencrypt },
    ...rest,
  });
}

const named = (...names: string[]) => ({ letsencrypt: { certificates: [{ names }] } });

describe("the config of public certificates", () => {
  it("needs no more than contact, names and addresses", () => {
    expect(mistakes()).toEqual([]);
  });

  it.each([
    [
      "a wildcard",
      "*.veza.fr",
      "is a wildcard: those need DNS-01, and this is HTTP-01. List the names one by one",
    ],
    ["an IPv4 address", "192.0.2.10", "is an address; certificates are for names"],
    ["an IPv6 address", "2001:db8::1", "is an address; certificates are for names"],
    ["upper case", "Veza.fr", "must be written in lower case: veza.fr"],
    ["a dot at the end", "veza.fr.", "must be without the dot at the end"],
    [
      "a single word",
      "veza",
      "must be a host name such as www.veza.fr (international names in their xn-- form)",
    ],
    [
      "an empty label",
      "www..fr",
      "must be a host name such as www.veza.fr (international names in their xn-- form)",
    ],
    [
      "what a shell would run",
      "$(id).fr",
      "must be a host name such as www.veza.fr (international names in their xn-- form)",
    ],
    [
      "an umlaut",
      "müsik.fr",
      "must be a host name such as www.veza.fr (international names in their xn-- form)",
    ],
    [
      "an internal name",
      "forgejo.talas.group",
      "forgejo.talas.group is an internal name (talas.group): no public CA may learn of it, and none could reach it",
    ],
    [
      "the internal domain itself",
      "talas.group",
      "talas.group is an internal name (talas.group): no public CA may learn of it, and none could reach it",
    ],
  ])("refuses %s", (_, name, message) => {
    expect(mistakes(named("ok.fr", name))).toEqual([`letsencrypt.certificates[0].names[1]: ${message}`]);
  });

  it("takes a name that only ends like an internal one", () => {
    expect(mistakes(named("mytalas.group"))).toEqual([]);
  });

  it("takes other internal domains from the config", () => {
    const found = mistakes({
      letsencrypt: { internalDomains: ["fr"], certificates: [{ names: ["veza.fr"] }] },
    });
    expect(found).toEqual([expect.stringContaining("veza.fr is an internal name (fr)")]);
  });

  it.each([
    ["Corp.Example", ": corp.example"],
    [".corp.example", ": corp.example"],
    ["corp.example.", ": corp.example"],
    ["*.corp.example", ": corp.example"],
    ["", " such as talas.group"],
    ["corp example", " such as talas.group"],
  ])("refuses an internal domain that would match nothing (%j)", (domain, hint) => {
    expect(mistakes({ letsencrypt: { internalDomains: ["talas.group", domain] } })).toEqual([
      `letsencrypt.internalDomains[1]: must be a domain in lower case, without a dot or a wildcard at either end${hint}. Every name in it is meant`,
    ]);
  });

  it("refuses a first name that no file can be called after", () => {
    const name = (length: number): string => `${"a".repeat(60)}.`.repeat(4).slice(0, length - 3) + ".fr";
    expect(mistakes(named(name(200), name(201)))).toEqual([]);
    expect(mistakes(named(name(201), name(200)))).toEqual([
      "letsencrypt.certificates[0].names[0]: has more than 200 characters, and files are called after the first name: put a shorter one first",
    ]);
  });

  it("refuses an IPv6 address, at which nothing listens", () => {
    const refusal =
      "is an IPv6 address, at which this edge does not listen yet: a CA would ask there first, in vain";
    for (const address of ["2001:db8::10", "::ffff:192.0.2.10"])
      expect(mistakes({ letsencrypt: { publicAddresses: ["192.0.2.10", address] } })).toEqual([
        `letsencrypt.publicAddresses[1]: ${address} ${refusal}`,
      ]);
    expect(mistakes({ letsencrypt: { publicAddresses: ["edge"] } })).toEqual([
      expect.stringMatching(/^letsencrypt\.publicAddresses\[0\]: must be an IPv4 address/),
    ]);
  });

  it("refuses another place for the CA's questions, where nothing would answer them", () => {
    for (const address of ["10.77.0.9", "127.0.0.2"])
      expect(mistakes({ letsencrypt: { challenge: { address } } })).toEqual([
        `letsencrypt.challenge.address: nothing would answer the CA at ${address}: what does is in the load balancer's container, at 127.0.0.1`,
      ]);
    expect(mistakes({ letsencrypt: { challenge: { address: "127.0.0.1" } } })).toEqual([]);
  });

  it("refuses a port that something else in the container has", () => {
    const port = (port: number, ports: object = {}) =>
      mistakes({ letsencrypt: { challenge: { port } }, loadBalancer: { ports } });
    expect(port(8889)).toEqual([
      "letsencrypt.challenge.port: 8889 is the port of the metrics about certificates already",
    ]);
    for (const [key, taken] of Object.entries({ http: 80, https: 443, stats: 9100 }))
      expect(port(taken)).toEqual([
        `letsencrypt.challenge.port: ${String(taken)} is the port of veza-edge:loadBalancer.ports.${key} already`,
      ]);
    expect(port(8888, { stats: 8889 })).toEqual([
      "loadBalancer.ports.stats: 8889 is the port of the metrics about certificates already",
    ]);
    expect(mistakes({ loadBalancer: { ports: { stats: 8888 } } })).toEqual([
      "letsencrypt.challenge.port: 8888 is the port of veza-edge:loadBalancer.ports.stats already",
    ]);
    expect(port(80, { http: 8080 })).toEqual([]);
  });

  it("refuses a name twice, in one certificate and in two", () => {
    const certificates = [{ names: ["a.fr", "a.fr"] }, { names: ["b.fr", "a.fr"] }];
    expect(mistakes({ letsencrypt: { certificates } })).toEqual([
      "letsencrypt.certificates[0].names[1]: a.fr is in this certificate already",
      "letsencrypt.certificates[1].names[1]: a.fr is in certificates[0] already: a name has one certificate",
    ]);
  });

  it("refuses more names than a certificate can have", () => {
    const names = Array.from({ length: 101 }, (_, n) => `n${String(n)}.fr`);
    expect(mistakes(named(...names))).toEqual([
      "letsencrypt.certificates[0].names: has more than 100 names, which no certificate may have: make two of it",
    ]);
  });

  it("refuses a CA without TLS and a contact that is no address", () => {
    const letsencrypt = { directory: "http://ca.example/dir", contact: "ops" };
    expect(mistakes({ letsencrypt }).map((one) => one.split(":")[0])).toEqual([
      "letsencrypt.contact",
      "letsencrypt.directory",
    ]);
  });

  it("refuses a private CA's root that is none", () => {
    expect(mistakes({ letsencrypt: { caCertificate: "root.pem" } })).toEqual([
      "letsencrypt.caCertificate: must be a certificate as PEM (-----BEGIN CERTIFICATE-----…)",
    ]);
  });

  it("refuses a second source of certificates", () => {
    expect(mistakes({ loadBalancer: { tls: { certificate: "edge.pem" } } })).toEqual([
      "loadBalancer.tls.certificate: certificates come from veza-edge:letsencrypt already",
    ]);
  });

  it("refuses a second load balancer, which would get no certificates", () => {
    const instances = [{ address: "10.77.0.10" }, { name: "haproxy-2", address: "10.77.0.11" }];
    expect(mistakes({ loadBalancer: { instances } })).toEqual([
      expect.stringMatching(
        /^loadBalancer\.instances\[1\]: certificates are issued for one load balancer only/,
      ),
    ]);
  });

  it("names the packages that an image of the user's own lacks", () => {
    const rest = { "veza-edge:images": { haproxy: { packages: ["haproxy", "dehydrated"] } } };
    expect(mistakes({ rest })).toEqual([
      "images.haproxy.packages: busybox, bind9-dnsutils are missing, which veza-edge:letsencrypt needs",
    ]);
  });

  it("wants a load balancer", () => {
    expect(mistakes({ rest: { "veza-edge:loadBalancer": undefined } })).toContain(
      "letsencrypt: there is no load balancer that could serve the certificates",
    );
  });

  it("gives Pebble's container an address and a name of its own", () => {
    const pebble = { name: "haproxy", address: "10.77.0.10" };
    expect(mistakes({ letsencrypt: { pebble } })).toEqual([
      expect.stringContaining("letsencrypt.pebble.address: 10.77.0.10 is also the address of haproxy"),
      expect.stringContaining("letsencrypt.pebble: haproxy is listed twice"),
    ]);
    expect(mistakes({ letsencrypt: { pebble: { address: "10.99.0.40" } } })).toEqual([
      "letsencrypt.pebble.address: 10.99.0.40 is outside the network 10.77.0.1/24",
    ]);
  });

  it("wants a PEM file where nothing issues certificates", () => {
    const rest = { "veza-edge:letsencrypt": undefined };
    expect(mistakes({ rest, loadBalancer: { tls: { hstsSeconds: 1 } } })).toEqual([
      "loadBalancer.tls.certificate: is missing",
    ]);
  });
});

describe("the CA and the DNS server", () => {
  it("are Let's Encrypt's and the container's own", () => {
    expect(authority(letsencryptSchema.parse(plain))).toEqual({
      directory: "https://acme-v02.api.letsencrypt.org/directory",
      resolver: undefined,
    });
  });

  it("are Pebble's where there is one, unless the config names others", () => {
    const pebble = { address: "10.77.0.40" };
    expect(authority(letsencryptSchema.parse({ ...plain, pebble }))).toEqual({
      directory: "https://10.77.0.40:14000/dir",
      resolver: "10.77.0.40:53",
    });
    const own = { directory: "https://ca.example/dir", resolver: "192.0.2.53" };
    expect(authority(letsencryptSchema.parse({ ...plain, ...own, pebble }))).toEqual(own);
  });
});
