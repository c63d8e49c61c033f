import { execa } from "execa";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import {
  HostError,
  hostLabel,
  noSshClient,
  notReached,
  sshArguments,
  type ReachableHost,
} from "./host-shell.ts";

/** A way to an address that only its host reaches, such as one of its Incus bridge. */
export interface Tunnel {
  /** `HOST:PORT` to connect to from here. */
  readonly authority: string;
  close(): Promise<void>;
}

/** ms until the tunnel has to be there. */
const limitMs = 30_000;

/**
 * Opens a way to an address as seen from the host. On this machine that is the address itself; to another one an SSH
 * forwarding from a free port on 127.0.0.1, so the service is asked by its host.
 * @throws HostError when the host cannot be reached within 30 s, or does not forward
 */
export async function openTunnel(host: ReachableHost, address: string, port: number): Promise<Tunnel> {
  if (host.connection === "local") {
    return { authority: `${address}:${String(port)}`, close: () => Promise.resolve() };
  }
  const here = await freePort();
  const directory = await mkdtemp(join(tmpdir(), "veza-ssh-"));
  const forward = `127.0.0.1:${String(here)}:${address}:${String(port)}`;
  const words = ["-N", "-o", "ExitOnForwardFailure=yes", "-L", forward];
  const ssh = execa("ssh", [...words, ...(await sshArguments(host, directory))], {
    stdin: "ignore",
    stdout: "ignore",
    reject: false,
  });
  const close = async (): Promise<void> => {
    ssh.kill();
    await ssh;
    await rm(directory, { recursive: true, force: true });
  };
  let why: string | undefined;
  const ended = ssh.then((result) => {
    why =
      result.code === "ENOENT"
        ? noSshClient(host)
        : `${hostLabel(host)} does not forward: ${notReached(result.stderr)}`;
  });
  const deadline = performance.now() + limitMs;
  while (why === undefined) {
    if (await listens(here)) return { authority: `127.0.0.1:${String(here)}`, close };
    if (performance.now() > deadline)
      why = `${hostLabel(host)} did not forward within ${String(limitMs / 1000)} s`;
    await Promise.race([delay(100), ended]);
  }
  await close();
  throw new HostError(host, why);
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await new Promise<number>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      resolve((server.address() as AddressInfo).port);
    });
  });
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => {
      resolve(false);
    });
  });
}
