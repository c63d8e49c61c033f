import { createHash } from "node:crypto";
import { hostDocument } from "../../incus/document.ts";
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

/** What look.sh is told, to look at everything on one host and in its containers. */
export function lookDocument(project: string, { containers, artifacts }: Wanted): string {
  const questions = containers.map((container, n): [string, string] => [
    `QUESTION_${String(n + 1)}`,
    insideDocument(container),
  ]);
  return hostDocument({
    parameters: {
      PROJECT: project,
      CONTAINERS: containers.map(({ name }) => name).join(" "),
      ARTIFACTS: artifacts.map(({ sha256, path }) => `${sha256}  ${path}`).join("\n"),
      ...Object.fromEntries(questions),
    },
    script: readScript(import.meta.url, "look.sh"),
  });
}

function insideDocument(container: WantedContainer): string {
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
  return hostDocument({
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
    script: ["../../fleet/contents.sh", "look-inside.sh"]
      .map((part) => readScript(import.meta.url, part))
      .join(""),
  });
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
