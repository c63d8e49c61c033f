import { execa } from "execa";
import { dirname } from "node:path";
import { connect } from "node:tls";
import { certificateMetricsPort, placeholderOrganization } from "../../src/config/certificates.ts";
import { authority, letsencryptSchema, type LetsencryptConfig } from "../../src/config/letsencrypt.ts";
import { loadBalancerSchema } from "../../src/config/load-balancer.ts";
import { loadBalancerModel } from "../../src/haproxy/model.ts";
import { haproxyUnit } from "../../src/haproxy/render.ts";
import type { FilesSpec } from "../../src/incus/files-body.ts";
import { caRootFile, caRootUnit } from "../../src/letsencrypt/ca-root.ts";
import { pebbleTlsUnit, pebbleUnit, type PebbleSpec } from "../../src/letsencrypt/pebble-units.ts";
import { certificateProgram, letsencryptUnit, placeholderUnit } from "../../src/letsencrypt/unit.ts";
import { quote } from "../../src/shell/quote.ts";
import { readStatus, type CertificateStatus } from "../../src/ops/certificates/status.ts";
import { Containers, type Outcome } from "./support/containers.ts";
import { LabPebble } from "./support/lab-pebble.ts";

/** Names of containers are unique on a bridge, over all projects; these meet nobody else's. */
const names = { edge: "acme-test-p-edge", pebble: "acme-test-p-pebble" } as const;
/** This machine as the containers see it. */
export const machine = "10.77.0.1";
export const edge = "10.77.0.130";
const pebbleAddress = "10.77.0.131";
/** What the load balancer leads to, in its own container. */
const server = { id: 1, name: "application", address: "127.0.0.1", port: 8_081 };
/** Answered by it. */
export const path = "/api/v1/health";

/** What a TLS listener showed under a name. */
export interface Shown {
  readonly serial: string;
  readonly names: readonly string[];
  readonly organization: string | undefined;
  /** `EC` or `RSA`. */
  readonly key: string;
  /** Whether Pebble's root vouches for it under that name. */
  readonly trusted: boolean;
}

export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

/** A load balancer with one server and a Pebble with its DNS server, in a project of their own on the machine's Incus. */
export class LetsencryptLab {
  /** What Pebble's own listeners show. It is good for this machine's address too, for a CA that a test plays. */
  readonly listener: KeyPair;
  readonly pebble: LabPebble;
  readonly #containers: Containers;
  readonly #placeholders = new Map<string, string>();
  readonly #certificateSeconds: number;

  private constructor(containers: Containers, listener: KeyPair, certificateSeconds: number) {
    this.#containers = containers;
    this.listener = listener;
    this.pebble = new LabPebble(containers, names.pebble, pebbleAddress);
    this.#certificateSeconds = certificateSeconds;
  }

  /** @param certificateSeconds that Pebble's certificates are valid for; 90 days unless given */
  static async open(certificateSeconds = 7_776_000): Promise<LetsencryptLab> {
    const containers = await Containers.open("veza-test-acme-p");
    await Promise.all([
      containers.launch(names.edge, "haproxy", edge),
      containers.launch(names.pebble, "pebble", pebbleAddress),
    ]);
    const listener = await selfSigned(containers, {
      subject: "/CN=pebble",
      alternatives: [`IP:${pebbleAddress}`, `IP:${machine}`],
    });
    const lab = new LetsencryptLab(containers, listener, certificateSeconds);
    await lab.#apply("pebble", pebbleTlsUnit(listener.certificate, listener.key));
    await lab.deployPebble();
    await lab.#apply("edge", caRootUnit(listener.certificate));
    await lab.shell(
      `mkdir -p /srv${dirname(path)}; echo ok >/srv${path}; systemd-run -q busybox httpd -f -p ${server.address}:${String(server.port)} -h /srv`,
    );
    return lab;
  }

  async close(): Promise<void> {
    await this.#containers.close();
  }

  /**
   * Brings what a stack's Pebble is, as an update does.
   * @param changes to what it is otherwise
   * @param killedBefore command right before which what does it is killed
   */
  async deployPebble(changes: Partial<PebbleSpec> = {}, killedBefore?: string): Promise<void> {
    const certificateSeconds = this.#certificateSeconds;
    const unit = pebbleUnit({ address: pebbleAddress, edgeAddress: edge, certificateSeconds, ...changes });
    if (killedBefore === undefined) return this.#apply("pebble", unit);
    const before = `set -T\ntrap '[[ $BASH_COMMAND != "${killedBefore}"* ]] || kill -KILL $$' DEBUG\n`;
    const { exitCode } = await this.#containers.unit(names.pebble, unit, { before });
    if (exitCode === 0) throw new Error(`it was applied without ${killedBefore}`);
  }

  /**
   * Brings what a stack with these certificates brings, in the order of an update, and stops before the CA is asked.
   * @param certificates names, the first one names the certificate; or an entry of the config
   * @throws Error with what was said when a step fails
   */
  async configure(
    certificates: readonly (readonly string[] | object)[],
    changes: object = {},
  ): Promise<LetsencryptConfig> {
    const config = letsencryptSchema.parse({
      contact: "ops@veza.test",
      publicAddresses: [edge],
      timeoutSeconds: 30,
      certificates: certificates.map((one) => (Array.isArray(one) ? { names: one as unknown } : one)),
      pebble: { address: pebbleAddress, certificateSeconds: this.#certificateSeconds },
      ...changes,
    });
    await this.#apply("edge", letsencryptUnit(config, { ...authority(config), caCertificate: caRootFile }));
    const placeholders = [];
    for (const { names } of config.certificates) placeholders.push(await this.#placeholder(names));
    await this.#apply("edge", placeholderUnit(placeholders));
    const balancer = loadBalancerSchema.parse({ instances: [{ address: edge }] });
    const model = loadBalancerModel(
      balancer,
      { api_pool: [server], stream_pool: [] },
      { bridge: "incusbr0", gateway: `${machine}/24` },
      {
        kind: "issued",
        primaryNames: config.certificates.map(({ names }) => names[0] ?? ""),
        challenge: config.challenge,
        metricsPort: certificateMetricsPort,
      },
    );
    await this.#apply("edge", haproxyUnit(model));
    return config;
  }

  /** Runs the certificate program, at most a minute, and gives back what it said on both channels. */
  async certificates(...words: readonly string[]): Promise<Outcome> {
    const line = [certificateProgram, ...words].map(quote).join(" ");
    const said = await this.shell(`status=0; ${line} 2>&1 </dev/null || status=$?; printf '\\n%s' "$status"`);
    const end = said.lastIndexOf("\n");
    return { exitCode: Number(said.slice(end + 1)), said: said.slice(0, end) };
  }

  /** `certificates renew` that has to end well. @throws Error with what it said otherwise */
  async renew(...words: readonly string[]): Promise<string> {
    const { exitCode, said } = await this.certificates("renew", ...words);
    if (exitCode !== 0) throw new Error(said);
    return said;
  }

  /** By first name. */
  async status(): Promise<ReadonlyMap<string, CertificateStatus>> {
    const { said } = await this.certificates("status");
    return new Map(readStatus(said).map((status) => [status.name, status]));
  }

  /** What the edge shows under a name now. @param root what Pebble signs with; asked of it when absent */
  async shown(name: string, root?: string): Promise<Shown> {
    const ca = root ?? (await this.pebble.root());
    const { promise, resolve, reject } = Promise.withResolvers<Shown>();
    const socket = connect({
      host: edge,
      port: 443,
      servername: name,
      timeout: 10_000,
      ca,
      rejectUnauthorized: false,
    });
    socket
      .once("secureConnect", () => {
        const { serialNumber, subjectaltname = "", subject, asn1Curve } = socket.getPeerCertificate();
        resolve({
          serial: serialNumber,
          names: subjectaltname.split(", ").map((one) => one.replace("DNS:", "")),
          organization: [subject.O].flat()[0],
          key: asn1Curve === undefined ? "RSA" : "EC",
          trusted: socket.authorized,
        });
      })
      .once("timeout", () => reject(new Error(`${name}: no handshake within 10 s`)))
      .once("error", reject);
    return promise.finally(() => socket.destroy());
  }

  /** Serial of what is shown under each name. */
  async serials(...under: readonly string[]): Promise<readonly string[]> {
    const root = await this.pebble.root();
    return Promise.all(under.map(async (name) => (await this.shown(name, root)).serial));
  }

  /** Status and target of what plain HTTP answers, e.g. `301 https://veza.test/`, or `200 `. */
  async overHttp(name: string, asked = path): Promise<string> {
    const words = [
      "-o",
      "/dev/null",
      "-w",
      "%{http_code} %{redirect_url}",
      "--resolve",
      `${name}:80:${edge}`,
    ];
    return curl(...words, `http://${name}${asked}`);
  }

  /** Process id of HAProxy's newest worker. */
  async worker(): Promise<string> {
    const said = await this.shell(
      "echo 'show info' | socat - /run/haproxy/admin.sock | sed -n 's/^Pid: //p'",
    );
    return said.trim();
  }

  /** Runs shell in the load balancer's container and returns what it printed; throws when it fails. */
  async shell(line: string): Promise<string> {
    return this.#containers.shell(names.edge, line);
  }

  async #apply(name: keyof typeof names, unit: FilesSpec): Promise<void> {
    const { exitCode, said } = await this.#containers.unit(names[name], unit, { limitSeconds: 300 });
    if (exitCode !== 0) throw new Error(`${unit.unit}: ${said}`);
  }

  async #placeholder(under: readonly string[]): Promise<{ name: string; pem: string }> {
    const [name = ""] = under;
    const subject = `/O=${placeholderOrganization}/CN=${name}`;
    const alternatives = under.map((one) => `DNS:${one}`);
    const known = this.#placeholders.get(under.join(" "));
    const made = async (): Promise<string> => {
      const { certificate, key } = await selfSigned(this.#containers, { subject, alternatives });
      return certificate + key;
    };
    const pem = known ?? (await made());
    this.#placeholders.set(under.join(" "), pem);
    return { name, pem };
  }
}

async function selfSigned(
  containers: Containers,
  { subject, alternatives }: { subject: string; alternatives: readonly string[] },
): Promise<KeyPair> {
  const words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650";
  const both = await containers.shell(
    names.edge,
    `cd /root && openssl ${words} -subj ${quote(subject)} -addext subjectAltName=${alternatives.join(",")} -keyout key -out chain 2>/dev/null && cat chain key`,
  );
  const end = both.indexOf("-----BEGIN PRIVATE KEY");
  return { certificate: both.slice(0, end), key: both.slice(end) };
}

async function curl(...words: readonly string[]): Promise<string> {
  const { stdout } = await execa("curl", ["-s", "--max-time", "10", ...words], { stdin: "ignore" });
  return stdout;
}
