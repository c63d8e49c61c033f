import type { Site } from "../site.ts";

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
export async function makeContainer(
  site: Site,
  { project, name, image, network, address }: NewContainer,
): Promise<void> {
  // Others remember for a while who had an address, and would look for the container that was made anew in vain.
  const hwaddr = ["10:66:6a", ...address.split(".").slice(1).map(inHex)].join(":");
  const definition = {
    name,
    type: "container",
    profiles: [],
    start: true,
    source: { type: "image", alias: image, project: "default" },
    devices: {
      root: { type: "disk", path: "/", pool: "default" },
      eth0: { type: "nic", name: "eth0", network, "ipv4.address": address, hwaddr },
    },
  };
  const url = `/1.0/instances?project=${project}`;
  await site.incus("query", "--wait", "-X", "POST", url, "-d", JSON.stringify(definition));
  // A container within a container may come up without its /tmp: mounted later, it would hide what Ansible has there.
  const booted =
    "timeout 120 systemctl is-system-running --wait; mountpoint -q /tmp || mount -t tmpfs tmpfs /tmp";
  await site.incus("exec", name, "--project", project, "--", "sh", "-c", booted);
}

function inHex(octet: string): string {
  return Number(octet).toString(16).padStart(2, "0");
}
