import * as pulumi from "@pulumi/pulumi";
import { MockMonitor } from "@pulumi/pulumi/runtime/mocks.js";

/** One resource as the program handed it to the engine. */
export interface Registered {
  readonly type: string;
  readonly name: string;
  /** Names of the component it lies in, and of what has to be done before it. */
  readonly parent: string;
  readonly after: readonly string[];
  readonly deletedWith: string;
  readonly deleteBeforeReplace: boolean;
  /** Secret values stand here in clear, and their names in `secrets`. */
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly secrets: readonly string[];
  readonly secretOutputs: readonly string[];
}

/** What of the engine's register request is read here. */
interface Request {
  getType(): string;
  getName(): string;
  getParent(): string;
  getObject(): { toJavaScript(): Record<string, unknown> } | undefined;
  getDependenciesList(): string[];
  getDeletedwith(): string;
  getDeletebeforereplace(): boolean;
  getAdditionalsecretoutputsList(): string[];
}
type Register = (request: Request, callback: unknown) => Promise<void>;

const secretMark = "4dabf18193072939515e22adb298388d";
const nameOf = (urn: string): string => urn.split("::").at(-1) ?? urn;

/**
 * Runs a program against an engine that only writes down what it is told, as in a preview or an update.
 * It checks neither schemas nor duplicate names, and runs no command.
 */
export async function registered(
  stack: string,
  preview: boolean,
  program: () => void,
): Promise<readonly Registered[]> {
  const found: Registered[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: ({ name, inputs }) => ({
        id: preview ? undefined : `${name}-id`,
        state: inputs as Record<string, unknown>,
      }),
      call: ({ inputs }) => inputs as Record<string, unknown>,
    },
    "veza-edge",
    stack,
    preview,
  );
  const monitor = MockMonitor.prototype as unknown as { registerResource: Register };
  const original = monitor.registerResource;
  // The mock engine passes on neither secrets nor options: they are read off its own request.
  monitor.registerResource = function (request, callback) {
    found.push(read(request));
    return original.call(this, request, callback);
  };
  try {
    await pulumi.runtime.runInPulumiStack(() => {
      program();
      return Promise.resolve({});
    });
    await pulumi.runtime.disconnect();
  } finally {
    monitor.registerResource = original;
  }
  return found;
}

function read(request: Request): Registered {
  const raw = Object.entries(request.getObject()?.toJavaScript() ?? {});
  const isSecret = (value: unknown): value is { value: unknown } =>
    typeof value === "object" && value !== null && secretMark in value;
  return {
    type: request.getType(),
    name: request.getName(),
    parent: nameOf(request.getParent()),
    after: request.getDependenciesList().map(nameOf),
    deletedWith: nameOf(request.getDeletedwith()),
    deleteBeforeReplace: request.getDeletebeforereplace(),
    inputs: Object.fromEntries(raw.map(([key, value]) => [key, isSecret(value) ? value.value : value])),
    secrets: raw.filter(([, value]) => isSecret(value)).map(([key]) => key),
    secretOutputs: request.getAdditionalsecretoutputsList(),
  };
}
