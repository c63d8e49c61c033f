import { execa } from "execa";
import { LabStack } from "../../test/lab/support/stack.ts";
import { removeProjects } from "../../tools/machine/projects.ts";
import { edgeAddress, ids, type Contender, type Place, type Reach, type Wanted } from "./contender.ts";
import { images } from "./images.ts";

/** `bin/pulumi up`. Its container has to be known to nobody but Incus in the beginning. */
export class Ours implements Contender {
  readonly name = "bin/pulumi up";
  readonly reaches: readonly Reach[] = ["whole"];
  readonly place: Place;
  readonly #stack: LabStack;

  private constructor(place: Place, stack: LabStack) {
    this.place = place;
    this.#stack = stack;
  }

  static async open(place: Place): Promise<Ours> {
    return new Ours(place, await LabStack.open());
  }

  async begin(wanted: Wanted): Promise<void> {
    await removeProjects([this.#stack.incus.name]);
    await this.#stack.forgetState();
    await this.ask(wanted);
    const planned = await this.#stack.planned();
    const names = [...planned.keys()];
    // In the order in which an update would say them.
    for (const part of ["-project", "-build", "-container-create"])
      for (const name of names.filter((one) => one.includes(part))) await say(planned.get(name) ?? "");
  }

  async addContainer(wanted: Wanted, name: string): Promise<void> {
    await this.ask(wanted);
    await say((await this.#stack.planned()).get(`${name}-container-create`) ?? "");
  }

  async ask({ api, stream, cookie }: Wanted): Promise<void> {
    await this.#stack.configure({
      api: ids(api),
      stream: ids(stream),
      loadBalancer: { instances: [{ address: edgeAddress(this.place) }], cookie: { name: cookie } },
      rest: { images },
    });
  }

  async apply(): Promise<void> {
    await this.#stack.up();
  }

  /** What is not wanted any more goes with an update. */
  async removeContainer(wanted: Wanted): Promise<void> {
    await this.ask(wanted);
    await this.#stack.up();
  }

  async look(): Promise<void> {
    const { exitCode, all } = await this.#stack.veza("drift");
    if (exitCode !== 0) throw new Error(`bin/veza drift ended with ${String(exitCode)}:\n${all}`);
  }

  async close(): Promise<void> {
    await this.#stack.close();
  }

  /** For the peer's inputs: both deploy the same builds. */
  artifact(app: string): string {
    return `${this.#stack.release("one")}/${app}.mjs`;
  }
}

/** As the engine says a document to this machine. */
async function say(document: string): Promise<void> {
  await execa("bash", ["-euo", "pipefail", "-s", "apply"], { input: document, timeout: 900_000 });
}
