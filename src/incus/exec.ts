import * as pulumi from "@pulumi/pulumi";
import { readScript } from "../shell/read-script.ts";
import type { Container } from "./container.ts";

export interface ExecArgs {
  readonly container: Container;
  /** The program and its arguments, as they are: no shell reads them. It has to bear being run again. */
  readonly command: readonly string[];
  /** Seconds for the program. */
  readonly limitSeconds: number;
  /** Whose change runs the program again, as a preview shows it: what the config has that it works on. */
  readonly because: Readonly<Record<string, string | number>>;
  /** What has to be done before. */
  readonly after?: readonly pulumi.Resource[];
}

/** Seconds that program.sh itself may need: questions to Incus, and the end of a program that does not want to end. */
const aroundSeconds = 120;

/**
 * A program run inside a container as a step of an update. It runs when the step is new, when `because` or the command
 * has changed, when the container was made anew, and after it has failed. Nothing is left of it in the container, so
 * there is nothing to take away; an update that cannot finish it fails with what the program said last.
 */
export class Exec extends pulumi.ComponentResource {
  /** Done when the program has ended well. */
  readonly ended: pulumi.Resource;

  /** @throws RangeError for a command of no words, or with a line break in one */
  constructor(name: string, args: ExecArgs, opts?: pulumi.ComponentResourceOptions) {
    super("veza:incus:Exec", name, {}, opts);
    const { container, limitSeconds } = args;
    this.ended = container.host.run(
      `${name}-run`,
      {
        parameters: {
          PROJECT: container.project,
          CONTAINER: container.name,
          COMMAND: words(args.command),
          LIMIT: limitSeconds,
          BECAUSE: Object.entries(args.because)
            .map(([what, value]) => `\n${what}: ${String(value)}`)
            .join(""),
        },
        script: readScript(import.meta.url, "about-container.sh", "program.sh"),
      },
      // Twice: an earlier one is waited for.
      { limitSeconds: 2 * limitSeconds + aroundSeconds, triggers: [container.generation] },
      { parent: this, dependsOn: [container.resource, ...(args.after ?? [])] },
    );
    this.registerOutputs({});
  }
}

/** One word a line. */
function words(command: readonly string[]): string {
  if (command.length === 0 || command.some((word) => word.includes("\n")))
    throw new RangeError("a command has one word at least, and no line breaks");
  return command.join("\n");
}
