import { LabStack } from "../../test/lab/support/stack.ts";
import type { Site } from "../site.ts";
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
import type { Images } from "./images.ts";

/** `bin/pulumi up`. Its container has to be known to nobody but Incus in the beginning. */
export class Ours implements Contender {
  readonly name = "bin/pulumi up";
  readonly reaches: readonly Reach[] = ["whole"];
  readonly place: Place;
  readonly #site: Site;
  readonly #images: Images;
  readonly #stack: LabStack;

  private constructor(site: Site, images: Images, stack: LabStack) {
    this.place = site;
    this.#site = site;
    this.#images = images;
    this.#stack = stack;
  }

  static async open(site: Site, images: Images): Promise<Ours> {
    return new Ours(site, images, await LabStack.open());
  }

  async begin(wanted: Wanted): Promise<void> {
    await this.#site.clear(this.#stack.incus.name);
    await this.#stack.forgetState();
    await this.ask(wanted);
    const planned = await this.#stack.planned();
    const names = [...planned.keys()];
    // In the order in which an update would say them.
    for (const part of ["-project", "-build", "-container-create"])
      for (const name of names.filter((one) => one.includes(part)))
        await this.#site.say(planned.get(name) ?? "");
  }

  async addContainer(wanted: Wanted, name: string): Promise<void> {
    await this.ask(wanted);
    await this.#site.say((await this.#stack.planned()).get(`${name}-container-create`) ?? "");
  }

  async ask({ api, stream, cookie }: Wanted): Promise<void> {
    const instances = (
      count: number,
      address: (place: Place, id: number) => string,
    ): { id: number; address: string }[] =>
      ids(count).map((id) => ({ id, address: address(this.place, id) }));
    await this.#stack.configure({
      api: ids(api),
      stream: ids(stream),
      apiFleet: { instances: instances(api, apiAddress) },
      streamFleet: { instances: instances(stream, streamAddress) },
      loadBalancer: { instances: [{ address: edgeAddress(this.place) }], cookie: { name: cookie } },
      rest: { images: this.#images, ...this.#site.config },
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
    await this.#site.clear(this.#stack.incus.name);
    await this.#stack.close();
  }

  /** For the peer's inputs: both deploy the same builds. */
  artifact(app: string): string {
    return `${this.#stack.release("one")}/${app}.mjs`;
  }
}
