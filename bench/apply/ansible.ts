import { execa } from "execa";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { removeProjects } from "../../tools/machine/projects.ts";
import { writeInputs, type AnsibleSite, type Inputs } from "./ansible-inputs.ts";
import { incus, makeContainer } from "./container.ts";
import {
  apiAddress,
  edgeAddress,
  ids,
  streamAddress,
  type Contender,
  type Place,
  type Reach,
  type Wanted,
} from "./contender.ts";
import { aliases } from "./images.ts";

const folder = fileURLToPath(new URL("../ansible/", import.meta.url));

/** `ansible-playbook`, tuned as its manual advises, with the connection to Incus that comes with it. */
export class Ansible implements Contender {
  readonly name = "Ansible";
  readonly reaches: readonly Reach[] = ["whole", "limited"];
  readonly place: Place;
  readonly #site: AnsibleSite;
  readonly #directory: string;
  readonly #inputs: Inputs;

  private constructor(site: AnsibleSite, directory: string, inputs: Inputs) {
    this.place = site.place;
    this.#site = site;
    this.#directory = directory;
    this.#inputs = inputs;
  }

  static async open(site: AnsibleSite): Promise<Ansible> {
    await removeProjects([site.project]);
    const networks = await incus("network", "list", "--format", "csv", "--columns", "n");
    if (!networks.split("\n").includes(site.bridge))
      await incus(
        ...["network", "create", site.bridge, `ipv4.address=${site.place.subnet}.1/24`],
        ...["ipv4.nat=true", "ipv6.address=none"],
      );
    const directory = await mkdtemp(join(tmpdir(), "veza-ansible-"));
    return new Ansible(site, directory, await writeInputs(directory, site));
  }

  async begin(wanted: Wanted): Promise<void> {
    await removeProjects([this.#site.project]);
    await incus(
      ...["project", "create", this.#site.project],
      ...["-c", "features.images=false", "-c", "features.networks=false"],
    );
    await this.ask(wanted);
    for (const name of this.#names(wanted)) await this.addContainer(wanted, name);
  }

  async addContainer(wanted: Wanted, name: string): Promise<void> {
    const address = this.#addresses(wanted).get(name) ?? "";
    await makeContainer({
      project: this.#site.project,
      name,
      image: name === "haproxy" ? aliases.haproxy : aliases.app,
      network: this.#site.bridge,
      address,
    });
  }

  async ask(wanted: Wanted): Promise<void> {
    const hosts = (count: number, name: string, address: (place: Place, id: number) => string): object =>
      Object.fromEntries(
        ids(count).map((id) => [`${name}-${String(id)}`, { id, address: address(this.place, id) }]),
      );
    const inventory = {
      all: {
        vars: {
          ansible_connection: "community.general.incus",
          ansible_incus_project: this.#site.project,
          inputs: this.#directory,
          cookie: wanted.cookie,
        },
        children: {
          fleets: {
            children: {
              backend_api: {
                vars: this.#inputs.fleets["backend-api"],
                hosts: hosts(wanted.api, "backend-api", apiAddress),
              },
              stream_server: {
                vars: this.#inputs.fleets["stream-server"],
                hosts: hosts(wanted.stream, "stream-server", streamAddress),
              },
            },
          },
        },
        hosts: { haproxy: { address: edgeAddress(this.place), ...this.#inputs.haproxy } },
      },
    };
    // JSON is YAML.
    await writeFile(this.#inventory, JSON.stringify(inventory, undefined, 2));
  }

  async apply(reach: Reach, touched: readonly string[]): Promise<void> {
    const limit = reach === "limited" ? ["--limit", touched.join(",")] : [];
    const ran = await execa(
      this.#site.installed.playbook,
      ["--inventory", this.#inventory, ...limit, join(folder, "playbook.yml")],
      {
        stdin: "ignore",
        all: true,
        reject: false,
        timeout: 900_000,
        env: {
          ANSIBLE_CONFIG: join(folder, "ansible.cfg"),
          ANSIBLE_COLLECTIONS_PATH: this.#site.installed.collections,
          ANSIBLE_NOCOLOR: "1",
        },
      },
    );
    if (ran.failed) throw new Error(`the playbook failed:\n${ran.all}`);
  }

  async removeContainer(wanted: Wanted, name: string): Promise<void> {
    await this.ask(wanted);
    await this.apply("limited", ["haproxy"]);
    await incus("delete", "--force", name, "--project", this.#site.project);
  }

  async close(): Promise<void> {
    await removeProjects([this.#site.project]);
    await incus("network", "delete", this.#site.bridge);
    await rm(this.#directory, { recursive: true, force: true });
  }

  get #inventory(): string {
    return join(this.#directory, "inventory.yml");
  }

  #addresses({ api, stream }: Wanted): ReadonlyMap<string, string> {
    return new Map([
      ...ids(api).map((id) => [`backend-api-${String(id)}`, apiAddress(this.place, id)] as const),
      ...ids(stream).map((id) => [`stream-server-${String(id)}`, streamAddress(this.place, id)] as const),
      ["haproxy", edgeAddress(this.place)] as const,
    ]);
  }

  #names(wanted: Wanted): readonly string[] {
    return [...this.#addresses(wanted).keys()];
  }
}
