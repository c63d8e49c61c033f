import { createHash } from "node:crypto";
import { socketScript } from "../../haproxy/socket.ts";
import { hostDocument, type HostScript } from "../../incus/document.ts";
import { readScript } from "../../shell/read-script.ts";
import { runtimeNotes } from "./runtime.ts";
import {
  currentOf,
  madeBeside,
  releaseOf,
  servicesOf,
  startedWith,
  wholePlaces,
  type Wanted,
  type WantedContainer,
} from "./wanted.ts";

/** What a host is asked about what is on it beside its containers. */
export function hostQuestion(project: string, { artifacts }: Wanted): string {
  return hostDocument({
    parameters: {
      PROJECT: project,
      ARTIFACTS: artifacts.map(({ sha256, path }) => `${sha256}  ${path}`).join("\n"),
    },
    script: readScript(import.meta.url, "look-host.sh"),
  });
}

/** What a container is asked about everything in it. */
export function insideQuestion(container: WantedContainer): HostScript {
  const { units } = container;
  const files = units.flatMap(({ command, files }) =>
    files.map((file) => ({ ...file, secret: command.secret })),
  );
  const directories = units.flatMap((unit) => unit.directories);
  const releases = units.flatMap((unit) => releaseOf(unit) ?? []);
  const programs = releases.flatMap(({ from }) => (from.kind === "program" ? [from] : []));
  const archives = releases.flatMap(({ from }) => (from.kind === "archive" ? [from.directory] : []));
  const has = (name: string): string => (units.some((unit) => unit.name === name) ? "yes" : "no");
  const line = ({ path, content }: { path: string; content: string }): string =>
    `${sha256(content)}  ${path}`;
  return {
    parameters: {
      PATHS: [...files, ...directories, ...programs, ...madeBeside.map((path) => ({ path }))]
        .map(({ path }) => path)
        .join("\n"),
      SHOWN: files
        .filter(({ secret }) => !secret)
        .map(line)
        .join("\n"),
      HIDDEN: [
        ...[...files.filter(({ secret }) => secret), ...startedWith(units)].map(line),
        ...programs.map((program) => `${program.sha256}  ${program.path}`),
      ].join("\n"),
      PLACES: wholePlaces(container).join("\n"),
      USERS: [...new Set(units.flatMap(({ users }) => users.map(({ name }) => name)))].join(" "),
      SERVICES: [...new Set(units.flatMap(servicesOf).map(({ name }) => name))].join(" "),
      LINKS: [...releases.map(({ app }) => currentOf(app)), "/etc/haproxy/current"].join(" "),
      RELEASES: archives.join("\n"),
      NOTES: runtimeNotes.join(" "),
      HAPROXY: has("haproxy"),
      NODE: has("postgres"),
    },
    script: socketScript() + readScript(import.meta.url, "../../fleet/contents.sh", "look-inside.sh"),
  };
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
