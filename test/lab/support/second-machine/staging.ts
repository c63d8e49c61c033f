import { execa } from "execa";
import { copyFile, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setDefaultCACertificates } from "node:tls";
import { fileURLToPath } from "node:url";
import { parse, stringify } from "yaml";
import { z } from "zod";
import { bundleStandIns } from "../../../../lab/bundle.ts";
import { repository } from "../../../../tools/machine/lab-stack.ts";
import { changed } from "../../../../tools/verbs/pulumi.ts";
import { startPulumi, Update, type Ended, type Run } from "../update.ts";
import { SecondMachine } from "./machine.ts";

const root = fileURLToPath(repository);

const stackFile = z.object({ config: z.record(z.string(), z.unknown()) });
const fleets = z.record(z.string(), z.looseObject({ artifact: z.unknown() }));
const loadBalancer = z.looseObject({ instances: z.array(z.looseObject({})).length(1) });

/** How the test stack differs from Pulumi.staging.yaml. */
export interface StagingChanges {
  /** Log-in on the second machine. @default root */
  readonly user?: string;
  /** @default its own */
  readonly hostKey?: string;
  /** @default its own */
  readonly address?: string;
  /** Version that the stand-in applications say they have. @default 1 */
  readonly version?: string;
  /** Environment of backend-api. @default none */
  readonly environment?: Readonly<Record<string, string>>;
  /** Lines for HAProxy's `defaults`. @default none */
  readonly extraDefaults?: string;
}

/**
 * Pulumi.staging.yaml on the second machine, with a backend of its own: the same structure, another host, a
 * certificate made here, and the stand-ins as applications.
 */
export class Staging {
  readonly stack = "staging";
  readonly machine: SecondMachine;
  readonly #directory: string;
  #runs = 0;
  /** Additions to the environment of what is run here, e.g. `SSH_AUTH_SOCK`. */
  readonly environment: Record<string, string> = {};

  private constructor(machine: SecondMachine) {
    this.machine = machine;
    this.#directory = join(machine.directory, "project");
  }

  /**
   * Opens the machine, on which nothing is deployed yet; from then on this process believes the edge's certificate.
   * @param seeded images that the machine has from the start
   */
  static async open(...seeded: Parameters<typeof SecondMachine.open>): Promise<Staging> {
    const staging = new Staging(await SecondMachine.open(...seeded));
    await staging.#lay();
    setDefaultCACertificates([await readFile(staging.caFile, "utf8")]);
    return staging;
  }

  async close(): Promise<void> {
    await this.machine.close();
  }

  /** Where the edge answers, at the machine's own address. */
  url(path = ""): string {
    return `https://${this.machine.address}${path}`;
  }

  async serves(): Promise<boolean> {
    const asked = fetch(this.url("/api/v1/whoami"), { signal: AbortSignal.timeout(3_000) });
    return asked.then(
      ({ status }) => status === 200,
      () => false,
    );
  }

  /** File with the certificate that clients have to believe. */
  get caFile(): string {
    return join(this.#directory, "edge.pem");
  }

  /** The stack file becomes staging's with these changes, and its secrets stay. */
  async configure(changes: StagingChanges = {}): Promise<void> {
    const file = join(this.#directory, "Pulumi.staging.yaml");
    const text = await readFile(join(root, "Pulumi.staging.yaml"), "utf8");
    const { config } = stackFile.parse(parse(text));
    const before = parse(await readFile(file, "utf8").catch(() => "config: {}")) as Record<string, unknown>;
    const kept = stackFile.parse(before).config["veza-edge:sshPrivateKey"];
    const lb = loadBalancer.parse(config["veza-edge:loadBalancer"]);
    const written = {
      ...before,
      config: {
        ...config,
        // No CA reaches this machine.
        "veza-edge:letsencrypt": undefined,
        "veza-edge:hosts": {
          main: {
            connection: "ssh",
            address: changes.address ?? this.machine.address,
            user: changes.user ?? "root",
            hostKey: changes.hostKey ?? this.machine.hostKey,
          },
        },
        "veza-edge:loadBalancer": {
          ...lb,
          instances: [
            { ...lb.instances[0], publish: [{ address: this.machine.address, http: 80, https: 443 }] },
          ],
          tls: { certificate: this.caFile },
          ...(changes.extraDefaults === undefined
            ? {}
            : { extraConfig: { defaults: changes.extraDefaults } }),
        },
        "veza-edge:fleets": this.#fleets(config["veza-edge:fleets"], changes),
        ...(kept === undefined ? {} : { "veza-edge:sshPrivateKey": kept }),
      },
    };
    await this.#bundle(changes.version ?? "1");
    await writeFile(file, stringify(written));
  }

  /** Runs bin/pulumi on the stack to its end. */
  pulumi(...words: readonly string[]): Run {
    return startPulumi(
      [...words, "--stack", this.stack, "--cwd", this.#directory],
      this.#backend,
      this.#env(),
    );
  }

  /** Begins an update. */
  startUp(...words: readonly string[]): Update {
    this.#runs += 1;
    const events = join(this.#directory, `events-${String(this.#runs)}.json`);
    const up = ["up", "--yes", "--skip-preview", "--event-log", events, ...words];
    return new Update(this.pulumi(...up), events, () => undefined);
  }

  /** Updates the stack, and throws with all that was said when that fails. */
  async up(): Promise<Ended> {
    const ended = await this.startUp().ended;
    if (ended.exitCode !== 0)
      throw new Error(`bin/pulumi up ended with ${String(ended.exitCode)}:\n${ended.said}`);
    return ended;
  }

  /** What another update changes, in its own words; nothing when it changes nothing. */
  async changesOfUpdate(): Promise<string> {
    const { changes, said } = await this.up();
    return changed(changes) === 0 ? "" : said;
  }

  /** Whether backend-api runs with that variable (`NAME=value`) in a container. */
  async runsWith(variable: string, container: string): Promise<boolean> {
    const inside = `grep -qz ${variable} /proc/$(systemctl show --value --property MainPID backend-api)/environ`;
    return this.machine.succeeds(
      `incus exec ${container} --project veza-${this.stack} -T -- sh -c '${inside}' </dev/null`,
    );
  }

  /** Runs bin/veza on the deployed stack. */
  async veza(
    ...words: readonly string[]
  ): Promise<{ exitCode: number | undefined; stdout: string; stderr: string }> {
    const env = { PULUMI_BACKEND_URL: this.#backend, ...this.#env() };
    const options = { reject: false, stdin: "ignore", timeout: 300_000, env } as const;
    const { exitCode, stdout, stderr } = await execa(join(root, "bin/veza"), words, options);
    return { exitCode, stdout, stderr };
  }

  /** Gives the stack the key that may log in, as `veza-edge:sshPrivateKey`. */
  async setKey(keyFile: string): Promise<void> {
    const words = ["config", "set", "--stack", this.stack, "--cwd", this.#directory];
    await execa(join(root, "bin/pulumi"), [...words, "--secret", "veza-edge:sshPrivateKey"], {
      env: { PULUMI_BACKEND_URL: this.#backend, ...this.#env() },
      input: await readFile(keyFile),
    });
  }

  async #lay(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
    await mkdir(join(this.#directory, "state"), { recursive: true });
    await copyFile(join(root, "Pulumi.yaml"), join(this.#directory, "Pulumi.yaml"));
    for (const one of ["package.json", "node_modules", "src", "templates"]) {
      await symlink(join(root, one), join(this.#directory, one));
    }
    await writeFile(this.caFile, await certificate(this.machine));
  }

  async #bundle(version: string): Promise<void> {
    await bundleStandIns(join(this.#directory, version), { version });
  }

  #fleets(given: unknown, { version = "1", environment }: StagingChanges): unknown {
    return Object.fromEntries(
      Object.entries(fleets.parse(given)).map(([fleet, spec]) => [
        fleet,
        {
          ...spec,
          artifact: { path: join(this.#directory, version, `${fleet}.mjs`) },
          command: ["/usr/bin/node", `/opt/veza/${fleet}/current/${fleet}.mjs`],
          drainSeconds: 2,
          ...(environment === undefined || fleet !== "backend-api" ? {} : { environment }),
        },
      ]),
    );
  }

  get #backend(): string {
    return `file://${join(this.#directory, "state")}`;
  }

  #env(): Record<string, string> {
    return {
      PULUMI_CONFIG_PASSPHRASE: "of this test only",
      SSH_AUTH_SOCK: "",
      ...this.environment,
    };
  }
}

/** A certificate for staging's name and the machine's address, with its key. */
async function certificate(machine: SecondMachine): Promise<string> {
  const subject = `-subj /CN=staging.veza.fr -addext subjectAltName=DNS:staging.veza.fr,IP:${machine.address}`;
  const curve = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
  return machine.shell(`openssl req -x509 ${curve} -days 2 ${subject} -keyout - -out -`);
}
