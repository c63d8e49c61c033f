import { local, remote, type types } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { createHash } from "node:crypto";
import { containerDocument, hostDocument, type ContainerScript, type HostScript } from "./document.ts";

/** How a machine that runs Incus is reached. */
export type Connection =
  | { readonly connection: "local" }
  | {
      readonly connection: "ssh";
      readonly address: string;
      readonly port: number;
      /** A user other than root reaches Incus through sudo. */
      readonly user: string;
      /** The server's public key, `ssh-ed25519 AAAA…`; a server that shows another one is refused. */
      readonly hostKey: string;
    };

export interface CommandArgs {
  /** The text for standard input. */
  readonly document: pulumi.Input<string>;
  /** Seconds after which the whole step is stopped on the host. */
  readonly limitSeconds: number;
  /** Any change replaces the command, which runs it again. */
  readonly triggers?: readonly string[];
  /** Keeps the text and what it prints out of logs, previews and clear state. */
  readonly secret?: boolean;
  /** Also run the document with `delete` when the resource goes away. */
  readonly deletes?: boolean;
}

/** A machine that runs Incus: the one owner of how something is said to it. */
export class Host {
  readonly name: string;
  readonly #connection: Connection;
  readonly #privateKey: pulumi.Input<string> | undefined;

  /** @param privateKey for SSH; without it the agent of whoever runs `pulumi` is asked, and nothing personal becomes an input. */
  constructor(name: string, connection: Connection, privateKey?: pulumi.Input<string>) {
    this.name = name;
    this.#connection = connection;
    this.#privateKey = privateKey;
  }

  get isLocal(): boolean {
    return this.#connection.connection === "local";
  }

  /** Connection of `remote.*` resources; undefined for the machine itself. */
  get sshConnection(): pulumi.Input<types.input.remote.ConnectionArgs> | undefined {
    const c = this.#connection;
    if (c.connection === "local") return undefined;
    return {
      host: c.address,
      port: c.port,
      user: c.user,
      hostKey: c.hostKey,
      dialErrorLimit: 3,
      perDialTimeout: 10,
      ...(this.#privateKey === undefined ? {} : { privateKey: this.#privateKey }),
    };
  }

  /** Says something to the host as one resource. */
  run(
    name: string,
    script: HostScript,
    args: Omit<CommandArgs, "document">,
    opts: pulumi.CustomResourceOptions,
  ): pulumi.Resource {
    return this.command(name, { ...args, document: hostDocument(script) }, opts);
  }

  /** Says something to a container of this host as one resource. */
  exec(
    name: string,
    said: pulumi.Input<ContainerScript>,
    args: Omit<CommandArgs, "document">,
    opts: pulumi.CustomResourceOptions,
  ): pulumi.Resource {
    const document = isPlain(said)
      ? containerDocument(said)
      : pulumi.output(said).apply((s) => containerDocument(s));
    return this.command(name, { ...args, document }, opts);
  }

  private command(name: string, args: CommandArgs, opts: pulumi.CustomResourceOptions): pulumi.Resource {
    const sudo =
      this.#connection.connection === "ssh" && this.#connection.user !== "root"
        ? "sudo --non-interactive "
        : "";
    const shell = `${sudo}timeout --kill-after=5 ${String(args.limitSeconds)} bash -euo pipefail -s`;
    const secret = args.secret === true;
    const common = {
      create: `${shell} apply`,
      ...(args.deletes === true ? { delete: `${shell} delete` } : {}),
      stdin: secret ? pulumi.secret(args.document) : args.document,
      triggers: [...(args.triggers ?? [])],
      addPreviousOutputInEnv: false,
      ...(secret ? { logging: "none" as const } : {}),
    };
    const options = pulumi.mergeOptions(
      opts,
      secret ? { additionalSecretOutputs: ["stdout", "stderr"] } : {},
    );
    const connection = this.sshConnection;
    return connection === undefined
      ? new local.Command(name, common, options)
      : new remote.Command(name, { ...common, connection }, options);
  }
}

function isPlain(said: pulumi.Input<ContainerScript>): said is ContainerScript {
  return !pulumi.Output.isInstance(said) && !(said instanceof Promise);
}

/** A short stable name for a set of inputs whose change means "made anew". */
export function generationOf(parts: Readonly<Record<string, string | number>>): string {
  const text = Object.entries(parts)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([k, v]) => `${k}=${String(v)}\n`)
    .join("");
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
