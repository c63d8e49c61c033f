import { execa } from "execa";
import { pebblePorts } from "../../../src/config/letsencrypt.ts";
import { assignments, quote } from "../../../src/shell/quote.ts";
import type { Containers } from "./containers.ts";

/** How Pebble behaves, beyond how it always does. */
export interface PebbleBehaviour {
  readonly environment?: Readonly<Record<string, string | number>>;
  /** Names that it refuses. */
  readonly blocked?: readonly string[];
}

/** A container with a Pebble and its DNS server, as a test plays with them. */
export class LabPebble {
  readonly #containers: Containers;
  readonly #container: string;
  readonly #address: string;

  constructor(containers: Containers, container: string, address: string) {
    this.#containers = containers;
    this.#container = container;
    this.#address = address;
  }

  /** What it signs with since its last start; PEM. */
  async root(): Promise<string> {
    return curl("-k", `https://${this.#address}:${String(pebblePorts.management)}/roots/0`);
  }

  /** Lines of its log, over all its starts, that have this in them. */
  async log(text: string): Promise<readonly string[]> {
    const said = await this.shell(`journalctl -u pebble -o cat | grep -F -e ${quote(text)} || :`);
    return said.split("\n").filter((line) => line !== "");
  }

  /** Starts it anew: it has another root then, and knows no account. */
  async restart({ environment = {}, blocked = [] }: PebbleBehaviour = {}): Promise<void> {
    const config = "/etc/pebble/pebble.json";
    const original = config.replace(".json", "-original.json");
    const variables = Object.entries(environment).map(
      ([name, value]) => `Environment=${name}=${String(value)}`,
    );
    const dropIn = ["[Service]", ...variables].join("\n");
    const directory = `https://${this.#address}:${String(pebblePorts.acme)}/dir`;
    await this.shell(
      [
        assignments({ BLOCKED: JSON.stringify(blocked), DROP_IN: dropIn }),
        "mkdir -p /etc/systemd/system/pebble.service.d",
        'printf "%s\\n" "$DROP_IN" >/etc/systemd/system/pebble.service.d/test.conf',
        `[ -f ${original} ] || cp -a ${config} ${original}`,
        `sed 's|"httpPort"|"domainBlocklist": '"$BLOCKED"', "httpPort"|' ${original} >${config}`,
        "systemctl daemon-reload",
        "systemctl restart pebble",
        `curl -sk -o /dev/null --retry 100 --retry-connrefused --retry-delay 1 ${directory}`,
      ].join("\n"),
    );
  }

  async stop(): Promise<void> {
    await this.shell("systemctl stop pebble");
  }

  /** Takes connections, and says nothing, until it goes on. */
  async freeze(): Promise<void> {
    await this.shell("systemctl kill --signal=STOP pebble");
  }

  async goOn(): Promise<void> {
    await this.shell("systemctl kill --signal=CONT pebble");
  }

  /** Has a name lead elsewhere; without addresses of a kind it keeps the default of that kind: the edge, and no IPv6. */
  async resolve(
    host: string,
    { a = [], aaaa = [] }: { a?: readonly string[]; aaaa?: readonly string[] } = {},
  ): Promise<void> {
    const records = { a, aaaa };
    for (const [type, addresses] of Object.entries(records)) {
      await this.#dns(`clear-${type}`, { host });
      if (addresses.length > 0) await this.#dns(`add-${type}`, { host, addresses });
    }
  }

  /** Has the DNS server fail for a name (SERVFAIL), until `false`. */
  async failToResolve(host: string, fails = true): Promise<void> {
    await this.#dns(fails ? "set-servfail" : "clear-servfail", { host });
  }

  /** Says something to the DNS server's management interface. */
  async #dns(what: string, body: object): Promise<void> {
    const url = `http://${this.#address}:${String(pebblePorts.dnsManagement)}/${what}`;
    await curl("--fail", "--data", JSON.stringify(body), url);
  }

  /** Runs shell in its container and returns what it printed; throws when it fails. */
  async shell(line: string): Promise<string> {
    return this.#containers.shell(this.#container, line);
  }
}

async function curl(...words: readonly string[]): Promise<string> {
  const { stdout } = await execa("curl", ["-s", "--max-time", "10", ...words], { stdin: "ignore" });
  return stdout;
}
