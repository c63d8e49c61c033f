import { bridge, gateway } from "../../test/lab/support/edge-config.ts";
import { loadBalancerSchema } from "../../src/config/load-balancer.ts";
import { certificateUnit } from "../../src/haproxy/certificate.ts";
import { loadBalancerModel } from "../../src/haproxy/model.ts";
import { haproxyUnit } from "../../src/haproxy/render.ts";
import type { FilesSpec } from "../../src/incus/files-body.ts";
import { selfSigned } from "../../test/lab/haproxy-tls-client.ts";
import type { Note } from "../../tools/progress.ts";
import type { Contender, Door } from "./contender.ts";
import type { Programs } from "./programs.ts";
import { directly, pools, type Stage } from "./stage.ts";

/** The edge's HAProxy as the program renders it from an empty `veza-edge:loadBalancer`. */
export const renderedName = "haproxy.cfg as rendered";

/** Everything that is compared, set up and answering; the rendered configuration first. */
export async function setUpContenders(
  stage: Stage,
  programs: Programs,
  note: Note,
): Promise<readonly Contender[]> {
  const { chain, key } = await selfSigned("edge.test");
  const pem = chain + key;
  note("the edge");
  const ours = await rendered(stage, pem);
  note("peers");
  return [
    ours,
    await peer(stage, pem, {
      ...minimal,
      name: "a minimal haproxy.cfg",
      container: "minimal",
      command: "haproxy -W -f /etc/peer/haproxy.cfg",
    }),
    await peer(stage, pem, {
      ...minimal,
      name: "the minimal one with a log",
      container: "minimal-log",
      command: "env WITH_LOG=yes haproxy -W -f /etc/peer/haproxy.cfg",
    }),
    await peer(stage, pem, {
      name: "nginx",
      container: "nginx",
      image: "nginx",
      program: "nginx",
      file: "nginx.conf",
      command: "nginx -c /etc/peer/nginx.conf -g 'daemon off;'",
      version: "nginx -v 2>&1 | cut -d/ -f2",
    }),
    await peer(stage, pem, {
      name: "Caddy",
      container: "caddy",
      image: "haproxy",
      program: "caddy",
      file: "Caddyfile",
      command: "/usr/local/bin/caddy run --adapter caddyfile --config /etc/peer/Caddyfile",
      version: "/usr/local/bin/caddy version | cut -d' ' -f1",
      binary: programs.caddy,
    }),
    { name: "none: the server itself", version: "", program: "", http: { to: directly } },
  ];
}

/** The edge's units of files, for HTTP alone or with HTTPS, to which HTTP is redirected. */
export function edgeUnit(address: string, isSecure: boolean): FilesSpec {
  const config = loadBalancerSchema.parse({ instances: [{ address }] });
  const certificates = isSecure ? ({ kind: "brought", fingerprint: "" } as const) : undefined;
  return haproxyUnit(loadBalancerModel(config, pools, { bridge, gateway }, certificates));
}

async function rendered(stage: Stage, pem: string): Promise<Contender> {
  const door = async (container: string, isSecure: boolean): Promise<Door> => {
    const address = await stage.balancer(container, "haproxy");
    if (isSecure) await stage.apply(container, certificateUnit(pem));
    await stage.apply(container, edgeUnit(address, isSecure));
    return { to: `${address}:${isSecure ? "443" : "80"}`, container };
  };
  return {
    name: renderedName,
    http: await door("edge", false),
    https: await door("edge-tls", true),
    program: "haproxy",
    version: (await stage.shell("edge", haproxyVersion)).trim(),
  };
}

interface Peer {
  readonly name: string;
  readonly container: string;
  readonly image: "haproxy" | "nginx";
  readonly program: string;
  /** Below peers/. */
  readonly file: string;
  readonly command: string;
  /** Shell that prints its version. */
  readonly version: string;
  /** Path of its program on this machine, where its image has none. */
  readonly binary?: string;
}

const haproxyVersion = "haproxy -v | awk '{ print $3; exit }'";
const minimal = {
  image: "haproxy",
  program: "haproxy",
  file: "haproxy.cfg",
  version: haproxyVersion,
} as const;

async function peer(stage: Stage, pem: string, it: Peer): Promise<Contender> {
  const { name, container, program, binary } = it;
  const address = await stage.balancer(container, it.image);
  if (binary !== undefined) await stage.install(container, `/usr/local/bin/${program}`, binary);
  await stage.write(container, "/etc/peer/edge.pem", pem);
  await stage.configure(container, it.file);
  // The service that came with its package has the ports.
  await stage.shell(container, `systemctl disable --now --quiet ${program} 2>/dev/null || :`);
  await stage.start(container, it.command, `${address}:80`);
  return {
    name,
    program,
    version: (await stage.shell(container, it.version)).trim(),
    http: { to: `${address}:80`, container },
    https: { to: `${address}:443`, container },
  };
}
