import { readFile } from "node:fs/promises";
import { certificateMetricsPort, placeholderOrganization } from "../../src/config/certificates.ts";
import { authority, letsencryptSchema, type LetsencryptConfig } from "../../src/config/letsencrypt.ts";
import { loadBalancerSchema } from "../../src/config/load-balancer.ts";
import { loadBalancerModel } from "../../src/haproxy/model.ts";
import { haproxyUnit } from "../../src/haproxy/render.ts";
import type { FilesSpec } from "../../src/incus/files-body.ts";
import { certificateProgram, letsencryptUnit, placeholderUnit } from "../../src/letsencrypt/unit.ts";
import { quote } from "../../src/shell/quote.ts";
import { until } from "./support/until.ts";
import { Containers, type Outcome } from "./support/containers.ts";

const container = "acme-test-i-edge";
const address = "10.77.0.120";
const scripts = new URL("support/letsencrypt-install/", import.meta.url);

/** A load balancer without servers whose CA is never asked: certificates are made here, and brought by the hook. */
export class InstallLab {
  readonly #containers: Containers;
  #config: object = {};

  private constructor(containers: Containers) {
    this.#containers = containers;
  }

  static async open(): Promise<InstallLab> {
    const containers = await Containers.open("veza-test-acme-i");
    await containers.launch(container, "haproxy", address);
    for (const name of ["make-certificate.sh", "kill-everywhere.sh", "end-at-step.sh"])
      await containers.write(container, `/root/${name}`, await readFile(new URL(name, scripts)));
    return new InstallLab(containers);
  }

  async close(): Promise<void> {
    await this.#containers.close();
  }

  /**
   * Applies the unit of the certificate program, with this in the config from now on.
   * @param killedBefore command right before which what does it is killed
   */
  async program(config: object, killedBefore?: string): Promise<Outcome> {
    this.#config = config;
    const parsed = this.#parsed();
    const before =
      killedBefore === undefined
        ? ""
        : `set -T\ntrap '[[ $BASH_COMMAND != "${killedBefore}"* ]] || kill -KILL $$' DEBUG\n`;
    return this.#containers.unit(container, letsencryptUnit(parsed, authority(parsed)), { before });
  }

  async removeProgram(): Promise<Outcome> {
    const parsed = this.#parsed();
    return this.#containers.unit(container, letsencryptUnit(parsed, authority(parsed)), { action: "delete" });
  }

  /** Applies the unit of placeholders, which comes after the program in an update. */
  async placeholders(): Promise<void> {
    const pems = [];
    for (const { names } of this.#parsed().certificates)
      pems.push({ name: names[0] ?? "", pem: await this.placeholder(names) });
    await this.#apply(placeholderUnit(pems));
  }

  /** Applies the unit of HAProxy, which comes last. */
  async haproxy(): Promise<void> {
    const { certificates, challenge } = this.#parsed();
    const model = loadBalancerModel(
      loadBalancerSchema.parse({ instances: [{ address }] }),
      { api_pool: [], stream_pool: [] },
      { bridge: "incusbr0", gateway: "10.77.0.1/24" },
      {
        kind: "issued",
        primaryNames: certificates.map(({ names }) => names[0] ?? ""),
        challenge,
        metricsPort: certificateMetricsPort,
      },
    );
    await this.#apply(haproxyUnit(model));
  }

  /** Chain and key that an update would bring for these names; made once. */
  async placeholder(names: readonly string[]): Promise<string> {
    const file = `/root/placeholder-${names.join("-")}.pem`;
    const words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500";
    const subject = quote(`/O=${placeholderOrganization}/CN=${names[0] ?? ""}`);
    const alternatives = names.map((name) => `DNS:${name}`).join(",");
    return this.shell(
      `cd /root; [ -f ${file} ] || { openssl ${words} -subj ${subject} -addext subjectAltName=${alternatives} -keyout key -out chain 2>/dev/null && cat chain key >${file}; }; cat ${file}`,
    );
  }

  /** Makes what a CA would give. @param notAfter YYMMDDHHMMSSZ @returns its serial, hexadecimal */
  async make(label: string, names: string, key = "ecdsa", notAfter?: string): Promise<string> {
    const words = [label, names, key, ...(notAfter === undefined ? [] : [notAfter])].map(quote).join(" ");
    const said = await this.shell(
      `bash /root/make-certificate.sh ${words} && openssl x509 -in /root/made/${label}/cert.pem -noout -serial`,
    );
    return said.trim().replace("serial=", "");
  }

  /** Brings what `make` made as dehydrated does. @param from labels that key and chain come from instead */
  async deploy(name: string, label: string, from: { key?: string; chain?: string } = {}): Promise<Outcome> {
    const made = `/root/made/${label}`;
    const key = `/root/made/${from.key ?? label}/privkey.pem`;
    const chain =
      from.chain === undefined
        ? `${made}/fullchain.pem`
        : `<(cat ${made}/cert.pem /root/made/${from.chain}/cert.pem)`;
    return this.run(
      `${certificateProgram}-hook deploy_cert ${name} ${key} ${made}/cert.pem ${chain} ${made}/chain.pem 0`,
    );
  }

  /**
   * Kills the hook at each of its steps; see kill-everywhere.sh. It takes longer than a command may, so it runs by itself.
   * @param served label of what is served now, `other` what else to install
   * @param steps all of them; or, of those that change something, each of so many
   * @returns kills, those that left something changed, restarts of HAProxy
   */
  async killEverywhere(
    name: string,
    served: string,
    other: string,
    steps: "all" | number,
  ): Promise<readonly number[]> {
    const [every, stride] = steps === "all" ? ["yes", 1] : ["no", steps];
    const words = `${name} /root/made/${served} /root/made/${other} ${every} ${String(stride)}`;
    await this.shell(
      `systemd-run -q -p RemainAfterExit=yes --unit kills bash /root/kill-everywhere.sh ${words}`,
    );
    const ended = async () => (await this.shell("systemctl show -P SubState kills")) !== "running\n";
    await until("all kills were done", ended, 1_200);
    const said = await this.shell("journalctl -u kills -o cat _COMM=bash; systemctl show -P Result kills");
    const [counts = "", result] = said.trim().split("\n").slice(-2);
    if (result !== "success") throw new Error(said);
    return counts.split(" ").map(Number);
  }

  async certificates(...words: readonly string[]): Promise<Outcome> {
    return this.run([certificateProgram, ...words].map(quote).join(" "));
  }

  /** One field of a certificate's line of `certificates status`, counted from 1. */
  async status(name: string, field: number): Promise<string> {
    const { said } = await this.certificates("status");
    return (
      said
        .split("\n")
        .map((line) => line.split("\t"))
        .find(([primary]) => primary === name)?.[field - 1] ?? ""
    );
  }

  /** Serial of what HAProxy serves under a name. */
  async served(name: string): Promise<string> {
    const said = await this.shell(
      `openssl s_client -connect ${address}:443 -servername ${name} </dev/null 2>/dev/null | openssl x509 -noout -serial`,
    );
    return said.trim().replace("serial=", "");
  }

  async map(): Promise<string> {
    return this.shell("cat /usr/local/etc/tls/issued-names.map");
  }

  /** Process id of HAProxy's newest worker: the same one as long as there was no reload. */
  async worker(): Promise<string> {
    return this.shell("echo 'show info' | socat - /run/haproxy/admin.sock | sed -n 's/^Pid: //p'");
  }

  /** Status and target of what plain HTTP answers. */
  async overHttp(name: string, path = "/"): Promise<string> {
    const words = "-s -o /dev/null --max-time 10 -w '%{http_code} %{redirect_url}'";
    return this.shell(`curl ${words} --resolve ${name}:80:${address} http://${name}${path}`);
  }

  /** What a reboot of the machine does to the container. */
  async restart(): Promise<void> {
    await this.#containers.restart(container);
  }

  /** Runs shell in the container, and gives back what it said on both channels and how it ended. */
  async run(line: string): Promise<Outcome> {
    const said = await this.shell(`status=0; ${line} 2>&1 </dev/null || status=$?; printf '\\n%s' "$status"`);
    const end = said.lastIndexOf("\n");
    return { exitCode: Number(said.slice(end + 1)), said: said.slice(0, end).trim() };
  }

  /** Runs shell in the container and returns what it printed; throws when it fails. */
  async shell(line: string): Promise<string> {
    return this.#containers.shell(container, line);
  }

  async #apply(unit: FilesSpec): Promise<void> {
    const { exitCode, said } = await this.#containers.unit(container, unit);
    if (exitCode !== 0) throw new Error(`${unit.unit}: ${said}`);
  }

  #parsed(): LetsencryptConfig {
    return letsencryptSchema.parse({
      contact: "ops@veza.test",
      publicAddresses: [address],
      directory: "https://ca.test/directory",
      ...this.#config,
    });
  }
}
