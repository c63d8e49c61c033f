import * as pulumi from "@pulumi/pulumi";
import { loadConfig } from "../../../src/config/load.ts";
import { Edge } from "../../../src/edge.ts";

/** A resource as the program registers it. */
export interface Registered {
  readonly type: string;
  readonly name: string;
  /** Name of the component it belongs to. */
  readonly parent: string | undefined;
  /** Inputs, whatever is not known left out. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Names of inputs that are not known yet. */
  readonly unknown: readonly string[];
  /** Names of inputs that are secret. */
  readonly secret: readonly string[];
  /** Names of resources that it has to wait for. */
  readonly after: readonly string[];
  /** Name of the resource whose end is its own end. */
  readonly deletedWith: string | undefined;
  readonly deleteBeforeReplace: boolean;
  readonly secretOutputs: readonly string[];
}

export interface ProgramOptions {
  /** As in a preview: nothing that was not asked of a host is known. @default true */
  readonly preview?: boolean;
  /** The key of hosts reached over SSH. */
  readonly sshPrivateKey?: string;
  /** Whether no host has anything of the stack yet. @default false */
  readonly isNew?: boolean;
}

/**
 * Runs the program with a stack's config and gives back everything that it registers, components included. Does not
 * prove what the engine and the provider make of it: tests on real Incus do.
 */
export async function registered(
  stack: string,
  config: Readonly<Record<string, unknown>>,
  options: ProgramOptions = {},
): Promise<readonly Registered[]> {
  const { sshPrivateKey, isNew = false } = options;
  return registeredBy(
    () => {
      new Edge("edge", {
        stack,
        config: loadConfig(stack, config),
        secrets: sshPrivateKey === undefined ? {} : { sshPrivateKey: pulumi.secret(sshPrivateKey) },
        isNew,
      });
    },
    { project: "veza-edge", stack, ...options },
  );
}

/** The same for any program. */
export async function registeredBy(
  program: () => void | Promise<void>,
  at: Pick<ProgramOptions, "preview"> & {
    readonly project: string;
    readonly stack: string;
    /** Outputs of the stacks that it refers to, by their names. @default none */
    readonly stacks?: Readonly<Record<string, object>>;
  },
): Promise<readonly Registered[]> {
  const seen: { args: pulumi.ResourceTransformationArgs }[] = [];
  const names = new Map<pulumi.Resource, string>();
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => ({
        id: name,
        state: {
          ...(inputs as object),
          ...(type.startsWith("tls:") ? made(name) : {}),
          ...(type === "pulumi:pulumi:StackReference" ? { outputs: at.stacks?.[name] ?? {} } : {}),
        },
      }),
      call: ({ inputs }) => inputs as object,
    },
    at.project,
    at.stack,
    at.preview ?? true,
  );
  await pulumi.runtime.runInPulumiStack(async () => {
    pulumi.runtime.registerStackTransformation((args) => {
      seen.push({ args });
      names.set(args.resource, args.name);
      return undefined;
    });
    await program();
    return {};
  });
  const all = await Promise.all(seen.map(({ args }) => describe(args, names)));
  await pulumi.runtime.disconnect();
  return all;
}

/** A stack's file for which nobody issues certificates. */
export function withoutLetsencrypt(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(config).filter(([key]) => key !== "veza-edge:letsencrypt"));
}

/** What the provider of keys and certificates gives back. */
function made(name: string): object {
  return { privateKeyPem: pulumi.secret(`key of ${name}\n`), certPem: `certificate of ${name}\n` };
}

/** What is said on standard input, by the resource's name. */
export function documents(resources: readonly Registered[]): ReadonlyMap<string, string> {
  return new Map(
    resources.flatMap(({ name, inputs }) =>
      typeof inputs["stdin"] === "string" ? [[name, inputs["stdin"]] as const] : [],
    ),
  );
}

async function describe(
  { type, name, props, opts }: pulumi.ResourceTransformationArgs,
  names: ReadonlyMap<pulumi.Resource, string>,
): Promise<Registered> {
  const inputs: Record<string, unknown> = {};
  const unknown: string[] = [];
  const secret: string[] = [];
  for (const [key, value] of Object.entries(props)) {
    const output: pulumi.Output<unknown> = pulumi.output(value);
    if (await pulumi.isSecret(output)) secret.push(key);
    if (await isKnown(output)) {
      const known = await new Promise<unknown>((resolve) => void output.apply(resolve));
      if (known !== undefined) inputs[key] = known;
    } else unknown.push(key);
  }
  const custom = opts as pulumi.CustomResourceOptions;
  return {
    type,
    name,
    parent: opts.parent === undefined ? undefined : names.get(opts.parent),
    inputs,
    unknown,
    secret,
    after: [custom.dependsOn ?? []]
      .flat()
      .flatMap((one) => (pulumi.Resource.isInstance(one) ? (names.get(one) ?? []) : [])),
    deletedWith: custom.deletedWith === undefined ? undefined : names.get(custom.deletedWith),
    deleteBeforeReplace: custom.deleteBeforeReplace === true,
    secretOutputs: custom.additionalSecretOutputs ?? [],
  };
}

async function isKnown(output: pulumi.Output<unknown>): Promise<boolean> {
  return (output as unknown as { isKnown: Promise<boolean> }).isKnown;
}

/** Name of the container that a command is about; undefined for what concerns a host. */
export function containerOf({ inputs }: Registered): string | undefined {
  return /^CONTAINER='([^']*)'$/m.exec(String(inputs["stdin"]))?.[1];
}
