import * as pulumi from "@pulumi/pulumi";
import type { PostgresConfig } from "../config/postgres.ts";
import { Container } from "../incus/container.ts";
import { Exec } from "../incus/exec.ts";
import { Files } from "../incus/files.ts";
import type { Site } from "../incus/site.ts";
import { Volume } from "../incus/volume.ts";
import { ownersOf, postgresNodes, type PostgresNodeSpec } from "./model.ts";
import { dataVolumePath, nodeProgram, nodeSecretsUnit, nodeUnit, type Passwords } from "./node-unit.ts";
import { ownerLogins, password, type Login } from "./passwords.ts";

export interface PostgresClusterArgs {
  readonly config: PostgresConfig;
  /** Where a node goes, by the host that its config names. */
  readonly site: (host: string | undefined) => Site;
  /** Whether data stays when the stack does not want it any more. */
  readonly keepData: boolean;
}

/** Seconds to copy all of the data, where a node has lost its own. */
const copySeconds = 21_600;
/** Seconds for a unit: Postgres may have to recover first. */
const unitSeconds = 180;

/**
 * Two Postgres nodes with streaming replication, a PgBouncer and a pg-health on each. An update makes the first cluster
 * where there is no data at all, and from then on leaves to the nodes which of them is the primary.
 */
export class PostgresCluster extends pulumi.ComponentResource {
  /** Done when the primary takes writes and the other node follows. */
  readonly ready: readonly pulumi.Resource[];
  readonly #logins: ReadonlyMap<string, Login>;

  constructor(name: string, args: PostgresClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    super("veza:postgres:PostgresCluster", name, {}, opts);
    const { config } = args;
    const parent = { parent: this };
    // One role: what streams is not asked again, and what connects again retries until both nodes have the new one.
    const revision = config.passwordRevision === 1 ? "" : `-${String(config.passwordRevision)}`;
    const replicator = password(`${name}-replicator-password${revision}`, parent);
    const owners = ownersOf(config.databases).map((owner) => ({
      owner,
      logins: ownerLogins(name, owner, config.passwordRevision, parent),
    }));
    this.#logins = new Map(
      config.databases.flatMap((database) =>
        owners
          .filter(({ owner }) => owner === database.owner)
          .map(({ logins: [current] }): [string, Login] => [database.name, current]),
      ),
    );
    const passwords = passwordsOf([
      { role: "replicator", password: replicator },
      ...owners.flatMap(({ logins }) => logins),
    ]);
    const specs = postgresNodes(config);
    const nodes: Node[] = [];
    // One after the other, so that a new image replaces them one after the other, and the first one is back before.
    for (const spec of specs) nodes.push(this.#node(spec, args, passwords, nodes));
    const applied = nodes.map(({ applied }) => applied);
    // Both are asked before a first cluster is made: the data may be where nobody expects it.
    const order = [...nodes].sort((a, b) => Number(b.isInitialPrimary) - Number(a.isInitialPrimary));
    const ready: pulumi.Resource[] = [];
    for (const { spec, container } of order) {
      const bootstrap = new Exec(
        `${spec.name}-bootstrap`,
        {
          container,
          command: [nodeProgram, "bootstrap"],
          because: { DATA: `${spec.name}-data` },
          limitSeconds: copySeconds,
          after: [...applied, ...ready],
        },
        parent,
      );
      ready.push(bootstrap.ended);
    }
    this.ready = ready;
    this.registerOutputs({});
  }

  /**
   * The role and password that clients of a database use now.
   * @throws RangeError when there is no such database
   */
  login(database: string): Login {
    const login = this.#logins.get(database);
    if (login === undefined) throw new RangeError(`there is no database '${database}' in veza-edge:postgres`);
    return login;
  }

  #node(
    spec: PostgresNodeSpec,
    { config, site, keepData }: PostgresClusterArgs,
    passwords: pulumi.Output<Passwords>,
    before: readonly Node[],
  ): Node {
    const parent = { parent: this };
    const { host, limits } = config.nodes.find(({ address }) => address === spec.address) ?? {};
    const where = site(host);
    const volume = new Volume(
      `${spec.name}-data`,
      { project: where.project, volume: `${spec.name}-data`, keep: keepData },
      parent,
    );
    const container = new Container(
      `${spec.name}-container`,
      {
        ...where,
        spec: {
          name: spec.name,
          address: spec.address,
          ...limits,
          volumes: [{ volume, path: dataVolumePath }],
        },
        after: before.map(({ applied }) => applied),
      },
      parent,
    );
    const secrets = new Files(
      `${spec.name}-secrets`,
      { container, spec: passwords.apply(nodeSecretsUnit), limitSeconds: unitSeconds },
      parent,
    );
    const files = new Files(
      `${spec.name}-files`,
      { container, spec: nodeUnit(spec), after: [secrets.applied], limitSeconds: unitSeconds },
      parent,
    );
    return { spec, container, applied: files.applied, isInitialPrimary: spec.initialPrimary === spec.name };
  }
}

interface Node {
  readonly spec: PostgresNodeSpec;
  readonly container: Container;
  readonly applied: pulumi.Resource;
  readonly isInitialPrimary: boolean;
}

function passwordsOf(logins: readonly Login[]): pulumi.Output<Passwords> {
  return pulumi
    .all(logins.map(({ role, password }) => password.apply((text): [string, string] => [role, text])))
    .apply((pairs) => Object.fromEntries(pairs));
}
