import { z } from "zod";
import { pebblePorts } from "../config/letsencrypt.ts";
import type { FileSpec } from "../incus/file-spec.ts";
import type { FilesSpec } from "../incus/files-body.ts";
import { readScript } from "../shell/read-script.ts";
import { renderTemplate } from "../templating/render.ts";

const user = "pebble";
const directory = { path: "/etc/pebble", mode: "0750", owner: `root:${user}` };
const certificateFile = "/etc/pebble/listener.pem";
const keyFile = "/etc/pebble/listener-key.pem";

/** What Pebble and its DNS server do. */
export interface PebbleSpec {
  /** IPv4 address of their container. */
  readonly address: string;
  /** IPv4 address that every name leads to, with port 80 to ask at. */
  readonly edgeAddress: string;
  /** Seconds that certificates are valid for. */
  readonly certificateSeconds: number;
}

/** Pebble and the DNS server that it asks, in a container of their own; they answer when it is applied. Needs `pebbleTlsUnit`. */
export function pebbleUnit(spec: PebbleSpec): FilesSpec {
  const { address } = spec;
  const view = {
    address,
    edgeAddress: spec.edgeAddress,
    acmePort: String(pebblePorts.acme),
    managementPort: String(pebblePorts.management),
    dnsPort: String(pebblePorts.dns),
    dnsManagementPort: String(pebblePorts.dnsManagement),
    certificateSeconds: String(spec.certificateSeconds),
    certificate: certificateFile,
    privateKey: keyFile,
  };
  const file = (path: string, owner = "root:root"): FileSpec => ({
    path,
    content: renderTemplate(`${path.slice(1)}.hbs`, words, view),
    mode: owner === "root:root" ? "0644" : "0640",
    owner,
  });
  return {
    unit: "pebble",
    users: [{ name: user, home: "/nonexistent" }],
    directories: [directory],
    files: [
      file("/etc/pebble/pebble.json", `root:${user}`),
      file("/etc/systemd/system/pebble.service"),
      file("/etc/systemd/system/pebble-challtestsrv.service"),
    ],
    followUp: followUp(
      ["pebble-challtestsrv.service", "pebble.service"],
      [
        `http://${address}:${view.dnsManagementPort}/`,
        `https://${address}:${view.acmePort}/dir`,
        `https://${address}:${view.managementPort}/roots/0`,
      ],
    ),
  };
}

/** What Pebble's own listeners show: certificate and key in PEM. Applied before `pebbleUnit`. */
export function pebbleTlsUnit(certificate: string, key: string): FilesSpec {
  return {
    unit: "pebble-tls",
    users: [{ name: user, home: "/nonexistent" }],
    directories: [directory],
    files: [
      { path: certificateFile, content: certificate, mode: "0640", owner: `root:${user}` },
      { path: keyFile, content: key, mode: "0640", owner: `root:${user}` },
    ],
    followUp: followUp(["pebble.service"], []),
  };
}

const words = z.record(z.string(), z.string());

function followUp(
  services: readonly string[],
  probes: readonly string[],
): NonNullable<FilesSpec["followUp"]> {
  return {
    script: readScript(import.meta.url, "pebble.sh"),
    parameters: { SERVICES: services.join(" "), PROBES: probes.join(" ") },
  };
}
