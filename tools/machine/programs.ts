import type { Note } from "../progress.ts";
import { whereIs } from "./path.ts";
import { runScript } from "./script.ts";

/** A program this project runs on the machine, and the Debian packages that bring it. */
export interface Program {
  readonly program: string;
  readonly packages: readonly string[];
}

/** Builds the containers' images. */
export const imageBuilder: Program = { program: "mmdebstrap", packages: ["mmdebstrap"] };
export const shellcheck: Program = { program: "shellcheck", packages: ["shellcheck"] };
/** Shows pages to tests. */
export const browser: Program = {
  program: "chromium-headless-shell",
  packages: ["chromium-headless-shell", "fonts-dejavu-core"],
};

/** Incus and what its bridge and its storage need; only asked for where no Incus answers. */
export const incusPrograms: readonly Program[] = [
  { program: "incus", packages: ["incus-base", "incus-client"] },
  { program: "dnsmasq", packages: ["dnsmasq-base"] },
  { program: "nft", packages: ["nftables"] },
  { program: "ip", packages: ["iproute2"] },
  { program: "mkfs.btrfs", packages: ["btrfs-progs"] },
];

/**
 * Installs the packages of those programs that are missing, in one run of apt; takes no time where none is.
 * @throws SetupError when apt cannot.
 */
export async function ensurePrograms(programs: readonly Program[], note: Note): Promise<void> {
  const missing = programs
    .filter(({ program }) => whereIs(program) === undefined)
    .flatMap(({ packages }) => packages);
  if (missing.length === 0) return;
  note(`apt: ${missing.join(" ")}`);
  await runScript({ name: "install.sh", parameters: { PACKAGES: missing.join(" ") }, limitSeconds: 900 });
}
