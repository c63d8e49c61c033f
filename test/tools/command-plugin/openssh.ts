import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

import { execa } from "execa";

import { cacheDir } from "../../../tools/toolchain/versions.ts";

/** How to start an OpenSSH server; its arguments come behind. */
export interface Openssh {
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  /** Lines that its configuration needs here. */
  readonly settings: readonly string[];
}

/**
 * The machine's own OpenSSH server. Where there is none, Debian's package is unpacked beside the toolchain and not
 * installed: installing it would open port 22 of the machine, now or at the next boot.
 */
export async function findOpenssh(installed = "/usr/sbin/sshd"): Promise<Openssh> {
  if (existsSync(installed)) return { command: [installed], env: {}, settings: [] };
  if (process.getuid?.() !== 0) {
    throw new Error("these tests need OpenSSH's server: apt-get install openssh-server, or run them as root");
  }
  const root = join(cacheDir(), "openssh");
  if (!existsSync(root)) await unpack(root);
  const lib = join(root, "usr", "lib");
  const triplet = readdirSync(lib).find((name) => name.endsWith("-linux-gnu")) ?? "";
  // sshd insists on a user to drop its privileges to: it gets one that only it can see.
  const start = 'mount --bind "$0/passwd" /etc/passwd && exec "$0/usr/sbin/sshd" "$@"';
  return {
    command: ["unshare", "--mount", "--propagation", "private", "sh", "-c", start, root],
    env: { LD_LIBRARY_PATH: join(lib, triplet) },
    // Since 9.8 it is made of several programs that know each other by path.
    settings: ["SshdSessionPath sshd-session", "SshdAuthPath sshd-auth"]
      .map((line) => line.split(" "))
      .filter(([, program]) => existsSync(join(lib, "openssh", program ?? "")))
      .map(([setting, program]) => `${setting ?? ""} ${join(lib, "openssh", program ?? "")}`),
  };
}

async function unpack(root: string): Promise<void> {
  mkdirSync(dirname(root), { recursive: true });
  const dir = mkdtempSync(`${root}.`);
  try {
    const apt = { env: { DEBIAN_FRONTEND: "noninteractive" }, timeout: 300_000 };
    await execa("apt-get", ["update", "-qq"], apt);
    // The client has no service; it brings ssh-keygen and the libraries that the two share.
    await execa("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "openssh-client"], apt);
    await execa("apt-get", ["download", "-qq", "openssh-server", "libwrap0"], { ...apt, cwd: dir });
    for (const file of readdirSync(dir).filter((name) => name.endsWith(".deb"))) {
      await execa("dpkg-deb", ["-x", join(dir, file), dir]);
    }
    const users = readFileSync("/etc/passwd", "utf8");
    writeFileSync(join(dir, "passwd"), `${users}sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n`, {
      mode: 0o644,
    });
    renameSync(dir, root);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
