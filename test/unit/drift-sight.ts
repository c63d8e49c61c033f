import { containerDocument, hostDocument } from "../../src/incus/document.ts";
import type { FileSpec } from "../../src/incus/file-spec.ts";
import { filesBody, type FilesSpec } from "../../src/incus/files-body.ts";
import type { SeenInside } from "../../src/ops/drift/seen.ts";
import { appliedOf, type Applied } from "../../src/ops/drift/state.ts";
import { wantedOf, type WantedContainer } from "../../src/ops/drift/wanted.ts";

export const definition = {
  config: { "boot.autostart": "true", "limits.cpu": "" },
  devices: { root: { type: "disk", path: "/", pool: "default" } },
};
const command = (name: string, stdin: string, logging?: string): object => ({
  urn: `urn:pulumi:lab::veza-edge::command:local:Command::${name}`,
  type: "command:local:Command",
  inputs: { create: "timeout --kill-after=5 60 bash -euo pipefail -s apply", stdin, logging },
});
const main = "main() { :; }\n";
export const container = (name: string): object =>
  command(
    name,
    hostDocument({
      parameters: {
        PROJECT: "veza-lab",
        CONTAINER: name,
        GENERATION: "g",
        IMAGE: "veza/app",
        DEFINITION: JSON.stringify(definition),
      },
      script: main,
    }),
  );
export const unit = (name: string, spec: FilesSpec, logging?: string): object =>
  command(
    `${name}-${spec.unit}`,
    containerDocument({
      project: "veza-lab",
      container: name,
      unit: spec.unit,
      limitSeconds: 60,
      body: filesBody(spec),
    }),
    logging,
  );
export const file = (path: string, content: string): FileSpec => ({
  path,
  content,
  mode: "0644",
  owner: "root:root",
});

const application = (name: string): FilesSpec => ({
  unit: "application",
  users: [{ name: "veza-api", home: "/opt/veza/api" }],
  directories: [{ path: "/etc/veza", mode: "0750", owner: "root:root" }],
  files: [
    file(
      "/etc/systemd/system/api.service",
      "[Service]\nExecStart=/x\n[Install]\nWantedBy=multi-user.target\n",
    ),
    file("/etc/systemd/system/api-once.service", "[Service]\nType=oneshot\n"),
    file("/etc/veza/api.env", "A=1\n"),
  ],
  followUp: {
    script: "follow_up() { place; }\n",
    parameters: {
      APP: "api",
      SECRETS: "/etc/veza/api.secret.env",
      INSTANCE: name,
      ARTIFACT_NAME: "api.mjs",
      ARTIFACT_SHA256: `${"0123456789ab".repeat(5)}0123`,
    },
  },
});
const secrets: FilesSpec = { unit: "secrets", files: [file("/etc/veza/api.secret.env", "PASSWORD=it's\n")] };

export function appliedTo(...resources: readonly object[]): Applied {
  return appliedOf({ exportedState: { deployment: { resources } }, directory: "/", hosts: {} });
}
export const applied = appliedTo(
  container("api-1"),
  unit("api-1", secrets, "none"),
  unit("api-1", application("api-1")),
  container("api-2"),
  unit("api-2", application("api-2")),
);
export const wanted = wantedOf(applied.recorded);
export const one = (name: string): WantedContainer => {
  const found = wanted.containers.find((container) => container.name === name);
  if (found === undefined) throw new Error(name);
  return found;
};

export const regular = { type: "regular file", mode: "644", owner: "root:root", changed: 100 };
export const service = {
  ...{ load: "loaded", active: "active", sub: "running", enabled: "enabled" },
  ...{ needsDaemonReload: false, since: 200 },
};
/** A container in which everything is as it was applied. */
export const asApplied: SeenInside = {
  files: new Map([
    ["/etc/systemd/system/api.service", regular],
    ["/etc/systemd/system/api-once.service", regular],
    ["/etc/veza/api.env", regular],
    ["/etc/veza/api.secret.env", regular],
    ["/etc/veza", { ...regular, type: "directory", mode: "750" }],
    ["/opt/veza/api/current/api.mjs", regular],
  ]),
  differing: new Map(),
  extras: new Map(),
  missingUsers: [],
  services: new Map([["api.service", service]]),
  links: new Map([["/opt/veza/api/current", "releases/0123456789ab"]]),
  issuedNames: [],
  notes: new Map(),
  releases: new Map(),
};
