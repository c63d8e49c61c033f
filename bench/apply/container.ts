import { execa } from "execa";

/** A container, as `incus launch` would make it, with a fixed address. */
export interface NewContainer {
  readonly project: string;
  readonly name: string;
  /** Alias of its image. */
  readonly image: string;
  readonly network: string;
  readonly address: string;
}

/** Makes a container and waits until its init has come up. */
export async function makeContainer({ project, name, image, network, address }: NewContainer): Promise<void> {
  const definition = {
    name,
    type: "container",
    profiles: [],
    start: true,
    source: { type: "image", alias: image, project: "default" },
    devices: {
      root: { type: "disk", path: "/", pool: "default" },
      eth0: { type: "nic", name: "eth0", network, "ipv4.address": address },
    },
  };
  const url = `/1.0/instances?project=${project}`;
  await incus("query", "--wait", "-X", "POST", url, "-d", JSON.stringify(definition));
  await execa(
    "incus",
    ["exec", name, "--project", project, "--", "systemctl", "is-system-running", "--wait"],
    { stdin: "ignore", timeout: 120_000, reject: false },
  );
}

export async function incus(...words: readonly string[]): Promise<string> {
  const { stdout } = await execa("incus", words, { stdin: "ignore", timeout: 300_000 });
  return stdout;
}
