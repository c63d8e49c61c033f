import { execa } from "execa";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Site } from "../site.ts";

/** How a playbook gets into its containers. */
export interface Way {
  /** Of Ansible by this way. */
  readonly name: string;
  /** What the inventory says of every host. @param project of Incus */
  variables(project: string): Readonly<Record<string, unknown>>;
  /** Additions to the environment of `ansible-playbook`. */
  readonly environment: Readonly<Record<string, string>>;
  /** Lets a playbook into a new container. */
  admit?(container: Admitted): Promise<void>;
  close(): Promise<void>;
}

export interface Admitted {
  readonly project: string;
  readonly name: string;
  readonly address: string;
}

/** The ways to the containers of a site, each still to be opened. */
export function waysInto(site: Site): readonly (() => Promise<Way>)[] {
  const { address } = site;
  if (address === undefined) return [throughIncus];
  return [() => overSsh(site, address), () => overHttps(site, address)];
}

const connection = "community.general.incus";

/** The connection to Incus that comes with Ansible, for containers of this machine. */
function throughIncus(): Promise<Way> {
  return Promise.resolve({
    name: "Ansible",
    variables: (project) => ({ ansible_connection: connection, ansible_incus_project: project }),
    environment: {},
    close: () => Promise.resolve(),
  });
}

/**
 * A server in every container, and the site as the host to jump over. Each connection is opened once and stays, the one
 * to the site from the start; nobody is asked about host keys, and nothing is compressed.
 */
async function overSsh(site: Site, jump: string): Promise<Way> {
  const directory = await mkdtemp(join(tmpdir(), "veza-ssh-"));
  const options = (socket: string): readonly string[] =>
    [
      ...["ControlMaster=auto", "ControlPersist=yes", `ControlPath=${join(directory, socket)}`],
      ...["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"],
    ].flatMap((option) => ["-o", option]);
  const login = `root@${jump}`;
  const ssh = (...words: readonly string[]): Promise<unknown> =>
    // A connection that stays would keep open what it can print to.
    execa("ssh", words, { stdio: "ignore", timeout: 60_000 });
  const leave = (socket: string): Promise<unknown> =>
    ssh("-O", "exit", ...options(socket), "any").catch(() => "it had ended");
  await ssh(...options("site"), login, "true");
  const addresses = new Set<string>();
  return {
    name: "Ansible over SSH",
    variables: () => ({
      ansible_connection: "ssh",
      ansible_host: "{{ address }}",
      ansible_user: "root",
      ansible_ssh_args: `${options("%h").join(" ")} -o ProxyCommand="ssh ${options("site").join(" ")} -W %h:%p ${login}"`,
    }),
    environment: {},
    admit: async ({ project, name, address }) => {
      await leave(address);
      addresses.add(address);
      // Who may log in on the machine may log in on its containers.
      const keys = "/root/.ssh/authorized_keys";
      await site.incus(
        ...["file", "push", "--project", project, "--create-dirs", "--uid", "0", "--gid", "0"],
        ...["--mode", "0600", keys, `${name}${keys}`],
      );
      const listening = "until systemctl is-active --quiet ssh; do sleep 0.1; done";
      await site.incus("exec", name, "--project", project, "--", "timeout", "60", "sh", "-c", listening);
    },
    close: async () => {
      for (const socket of [...addresses, "site"]) await leave(socket);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The connection to Incus that comes with Ansible, with the site as a remote of Incus' client. */
async function overHttps(site: Site, address: string): Promise<Way> {
  const remote = "site";
  const port = "8443";
  const directory = await mkdtemp(join(tmpdir(), "veza-incus-"));
  const environment = { INCUS_CONF: directory };
  await site.incus("config", "set", "core.https_address", `:${port}`);
  const told = await site.incus("config", "trust", "add", "veza-bench");
  const token = told.trim().split("\n").at(-1) ?? "";
  await execa(
    "incus",
    ["remote", "add", remote, `https://${address}:${port}`, "--accept-certificate", "--token", token],
    { env: environment, stdin: "ignore", timeout: 60_000 },
  );
  return {
    name: "Ansible over HTTPS",
    variables: (project) => ({
      ansible_connection: connection,
      ansible_incus_project: project,
      ansible_incus_remote: remote,
    }),
    environment,
    close: () => rm(directory, { recursive: true, force: true }),
  };
}
