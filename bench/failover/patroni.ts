import { readFile } from "node:fs/promises";
import { z } from "zod";
import type { Database } from "../../test/lab/support/commit-client.ts";
import { Containers } from "../../test/lab/support/containers.ts";
import { subnet } from "../../test/lab/support/edge-config.ts";
import { IncusProject } from "../../test/lab/support/incus.ts";
import { until } from "../../test/lab/support/until.ts";
import { WriteLoad } from "../../test/lab/support/write-load.ts";
import { patroniConfig, restPort, scope, type PatroniNode } from "./patroni-config.ts";
import type { InstalledPatroni } from "./patroni-install.ts";
import type { WriteContender } from "./write-outage.ts";

const project = "veza-bench-patroni";
const nodes: readonly PatroniNode[] = [
  { name: "patroni-1", address: `${subnet}.181` },
  { name: "patroni-2", address: `${subnet}.182` },
];
const etcd = { name: "patroni-etcd", address: `${subnet}.183` } as const;
const router = { name: "patroni-router", address: `${subnet}.184` } as const;

/** One for all: Postgres as our nodes have it, and what Patroni and its cluster need from Debian. */
const image = {
  name: "bench-patroni",
  spec: {
    suite: "trixie",
    packages: [
      ...["postgresql", "etcd-server", "haproxy", "python3-psycopg2", "python3-etcd", "python3-urllib3"],
      ...["python3-yaml", "python3-click", "python3-prettytable", "python3-dateutil", "python3-psutil"],
    ],
    revision: 1,
  },
} as const;

const database: Database = {
  host: router.address,
  port: 5000,
  database: "veza",
  user: "veza",
  password: "only-for-a-bench",
};

const clusterSchema = z.object({
  members: z.array(z.object({ name: z.string(), role: z.string(), state: z.string() })),
});
type Member = z.infer<typeof clusterSchema>["members"][number];

/** Two nodes under Patroni with etcd, behind HAProxy with the checks that Patroni's documentation gives. */
export class Patroni implements WriteContender {
  readonly name = "Patroni";
  readonly database = database;
  readonly #containers: Containers;
  readonly #incus = new IncusProject(project);
  #lost: string | undefined;

  private constructor(containers: Containers) {
    this.#containers = containers;
  }

  /** @param settings of Postgres, by name */
  static async open(
    installed: InstalledPatroni,
    settings: Readonly<Record<string, string>>,
  ): Promise<Patroni> {
    const containers = await Containers.openInLane(project);
    const patroni = new Patroni(containers);
    try {
      for (const { name, address } of [etcd, router, ...nodes]) await containers.launch(name, image, address);
      await patroni.#startEtcd();
      for (const node of nodes)
        await patroni.#prepare(
          node,
          installed,
          patroniConfig(node, { etcd: etcd.address, subnet, settings }),
        );
      await patroni.#begin();
      return patroni;
    } catch (error) {
      await containers.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#containers.close();
  }

  /** E.g. `etcd 3.5.16`. */
  async etcdVersion(): Promise<string> {
    const said = await this.#incus.shell(etcd.name, "etcd --version");
    return `etcd ${/etcd Version: ([\d.]+)/.exec(said)?.[1] ?? "unknown"}`;
  }

  async untilWell(): Promise<void> {
    await until("Patroni has a leader and a standby that streams", () => this.#isWell(), 120);
    await until("Patroni's router leads to one node", () => this.#isLed(), 60);
  }

  async switchOver(): Promise<void> {
    const leader = await this.#leader();
    const candidate = nodes.find(({ name }) => name !== leader)?.name ?? "";
    await this.#patronictl(
      candidate,
      `switchover ${scope} --leader ${leader} --candidate ${candidate} --force`,
    );
  }

  /** There is nothing for an operator to do. */
  async losePrimary(): Promise<void> {
    const leader = await this.#leader();
    this.#lost = leader;
    await this.#incus.stop(leader);
  }

  async mend(): Promise<void> {
    if (this.#lost === undefined) return;
    await this.#incus.start(this.#lost);
    const follows = until("the lost node follows", () => this.#isWell(), 45);
    // What it had written for nobody can keep it from following for good: then it is made anew, as by an operator.
    await follows.catch(() =>
      this.#leader().then((leader) =>
        this.#patronictl(leader, `reinit ${scope} ${this.#lost ?? ""} --force`),
      ),
    );
    await this.untilWell();
  }

  async #startEtcd(): Promise<void> {
    const settings = [
      "ETCD_LISTEN_CLIENT_URLS=http://0.0.0.0:2379",
      `ETCD_ADVERTISE_CLIENT_URLS=http://${etcd.address}:2379`,
    ];
    await this.#incus.write(etcd.name, "/etc/default/etcd", `${settings.join("\n")}\n`);
    await this.#incus.shell(etcd.name, "systemctl restart etcd");
  }

  async #prepare({ name }: PatroniNode, { packages }: InstalledPatroni, config: string): Promise<void> {
    const device = ["disk", `source=${packages}`, "path=/opt/patroni", "readonly=true"];
    await this.#incus.says("config", "device", "add", name, "patroni", ...device);
    await this.#incus.write(name, "/etc/patroni/patroni.yml", config);
    await this.#incus.write(name, "/etc/systemd/system/patroni.service", await fileOf("patroni.service"));
    await this.#incus.shell(
      name,
      "systemctl disable --now etcd; install -d -o postgres -g postgres /var/lib/postgresql/17; systemctl daemon-reload",
    );
  }

  async #begin(): Promise<void> {
    for (const { name } of nodes) {
      await this.#incus.shell(name, "systemctl enable --now patroni");
      await until(
        `${name} is a member`,
        async () => (await this.#members()).some((member) => member.name === name && isUp(member)),
        120,
      );
    }
    const statements = [
      `CREATE ROLE ${database.user} LOGIN PASSWORD '${database.password}'`,
      `CREATE DATABASE ${database.database} OWNER ${database.user}`,
    ];
    for (const statement of statements)
      await this.#incus.shell(
        await this.#leader(),
        `psql -h /run/postgresql -U postgres -Xqc "${statement}"`,
      );
    await this.#incus.write(router.name, "/etc/haproxy/haproxy.cfg", await fileOf("haproxy.cfg"));
    await this.#incus.shell(router.name, "systemctl disable --now etcd; systemctl restart haproxy");
    await this.untilWell();
    await WriteLoad.prepare(database);
  }

  async #patronictl(node: string, words: string): Promise<void> {
    const python = "PYTHONPATH=/opt/patroni PYTHONDONTWRITEBYTECODE=1 python3";
    await this.#incus.shell(
      node,
      `${python} /opt/patroni/bin/patronictl -c /etc/patroni/patroni.yml ${words}`,
    );
  }

  async #leader(): Promise<string> {
    const leader = (await this.#members()).find(({ role }) => role === "leader");
    if (leader === undefined) throw new Error("Patroni has no leader");
    return leader.name;
  }

  async #isWell(): Promise<boolean> {
    const members = await this.#members();
    return members.length === nodes.length && members.every(isUp);
  }

  /** As the first node that answers says it; nobody, when none does. */
  async #members(): Promise<readonly Member[]> {
    for (const { address } of nodes) {
      const url = `http://${address}:${String(restPort)}/cluster`;
      const answer: unknown = await fetch(url, { signal: AbortSignal.timeout(2_000) }).then(
        (response) => response.json(),
        () => undefined,
      );
      const cluster = clusterSchema.safeParse(answer);
      if (cluster.success) return cluster.data.members;
    }
    return [];
  }

  /** HAProxy takes both nodes for the leader until it has asked them. */
  async #isLed(): Promise<boolean> {
    const statistics = "echo 'show stat' | socat - /run/haproxy/admin.sock | cut -d, -f2,18";
    const said = await this.#incus.shell(router.name, statistics);
    return nodes.filter(({ name }) => said.split("\n").includes(`${name},UP`)).length === 1;
  }
}

function isUp({ role, state }: Member): boolean {
  return role === "leader" ? state === "running" : state === "streaming";
}

async function fileOf(name: string): Promise<string> {
  return readFile(new URL(`../patroni/${name}`, import.meta.url), "utf8");
}
