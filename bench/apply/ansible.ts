import { execa } from "execa";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeInputs, type AnsibleEdge, type Inputs } from "./ansible-inputs.ts";
import { makeContainer } from "./container.ts";
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
import { aliasOf } from "./images.ts";

const folder = fileURLToPath(new URL("../ansible/", import.meta.url));

/** `ansible-playbook`, tuned as its manual advises. */
export class Ansible implements Contender {
  readonly name: string;
  readonly reaches: readonly Reach[] = ["whole", "limited"];
  readonly place: Place;
  readonly #edge: AnsibleEdge;
  readonly #directory: string;
  readonly #inputs: Inputs;

  private constructor(edge: AnsibleEdge, directory: string, inputs: Inputs) {
    this.name = edge.way.name;
    this.place = edge.place;
    this.#edge = edge;
    this.#directory = directory;
    this.#inputs = inputs;
  }

  static async open(edge: AnsibleEdge): Promise<Ansible> {
    const { site, bridge, place } = edge;
    await site.clear(edge.project);
    const networks = await site.incus("network", "list", "--format", "csv", "--columns", "n");
    if (!networks.split("\n").includes(bridge))
      await site.incus(
        ...["network", "create", bridge, `ipv4.address=${place.subnet}.1/24`],
        ...["ipv4.nat=true", "ipv6.address=none"],
      );
    const directory = await mkdtemp(join(tmpdir(), "veza-ansible-"));
    return new Ansible(edge, directory, await writeInputs(directory, edge));
  }

  async begin(wanted: Wanted): Promise<void> {
    const { site, project } = this.#edge;
    await site.clear(project);
    await site.incus(
      ...["project", "create", project],
      ...["-c", "features.images=false", "-c", "features.networks=false"],
    );
    await this.ask(wanted);
    for (const name of this.#names(wanted)) await this.addContainer(wanted, name);
  }

  async addContainer(wanted: Wanted, name: string): Promise<void> {
    const { site, project, images, bridge, way } = this.#edge;
    const address = this.#addresses(wanted).get(name) ?? "";
    await makeContainer(site, {
      project,
      name,
      image: aliasOf(name === "haproxy" ? "haproxy" : "app", images),
      network: bridge,
      address,
    });
    await way.admit?.({ project, name, address });
  }

  async ask(wanted: Wanted): Promise<void> {
    const hosts = (count: number, name: string, address: (place: Place, id: number) => string): object =>
      Object.fromEntries(
        ids(count).map((id) => [`${name}-${String(id)}`, { id, address: address(this.place, id) }]),
      );
    const inventory = {
      all: {
        vars: {
          ...this.#edge.way.variables(this.#edge.project),
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
      this.#edge.installed.playbook,
      ["--inventory", this.#inventory, ...limit, join(folder, "playbook.yml")],
      {
        stdin: "ignore",
        all: true,
        reject: false,
        timeout: 900_000,
        env: {
          ANSIBLE_CONFIG: join(folder, "ansible.cfg"),
          ANSIBLE_COLLECTIONS_PATH: this.#edge.installed.collections,
          ANSIBLE_NOCOLOR: "1",
          ...this.#edge.way.environment,
        },
      },
    );
    if (ran.failed) throw new Error(`the playbook failed: ${reasonIn(ran.all)}\n${ran.all}`);
  }

  async removeContainer(wanted: Wanted, name: string): Promise<void> {
    await this.ask(wanted);
    await this.apply("limited", ["haproxy"]);
    await this.#edge.site.incus("delete", "--force", name, "--project", this.#edge.project);
  }

  async close(): Promise<void> {
    const { site, project, bridge } = this.#edge;
    await site.clear(project);
    await site.incus("network", "delete", bridge);
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

/** What the first task that failed says. */
function reasonIn(said: string): string {
  return /^(?:fatal|failed): .*"msg": "((?:[^"\\]|\\.)*)"/m.exec(said)?.[1] ?? "its output is below";
}
