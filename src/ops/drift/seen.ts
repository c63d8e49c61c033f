import { z } from "zod";
import { isDone, type Answer } from "../in-containers.ts";
import { sectionsOf, type Section } from "../sections.ts";

/** What was seen of a host, beside its containers. */
export interface SeenHost {
  readonly images: ReadonlySet<string>;
  /** Paths that are missing or have another content. */
  readonly artifacts: ReadonlySet<string>;
  /** Of a flip that is under way; empty when none is. */
  readonly flip: string;
}

/** What was seen inside a container. */
export interface SeenInside {
  /** Why it did not answer; absent when it did. */
  readonly silent?: string;
  readonly files: ReadonlyMap<string, SeenFile>;
  /** Files whose content is another than it should be, with that where it may be shown. */
  readonly differing: ReadonlyMap<string, string | undefined>;
  readonly extras: ReadonlyMap<string, SeenExtra>;
  readonly missingUsers: readonly string[];
  readonly services: ReadonlyMap<string, SeenService>;
  /** Where symbolic links point; empty where there is none. */
  readonly links: ReadonlyMap<string, string>;
  /** Bytes of each note of what was decided at run time. */
  readonly notes: ReadonlyMap<string, number>;
  /** By the directory that an archive was unpacked to. */
  readonly releases: ReadonlyMap<string, SeenRelease>;
  readonly haproxy?: { readonly info: ReadonlyMap<string, string>; readonly servers: string };
  readonly issuedNames: readonly string[];
  /** What a database node says of itself, as JSON; empty where it said nothing. */
  readonly details?: string;
  /** What its Postgres has otherwise than files and updates say; absent where there is no node. */
  readonly database?: SeenDatabase;
}

/** A file or directory, not followed when it is a symbolic link. */
export interface SeenFile {
  /** In stat's words: `regular file`, `directory`, `symbolic link`… */
  readonly type: string;
  /** Octal, without leading zeros. */
  readonly mode: string;
  readonly owner: string;
  /** When it was last changed in any way, in seconds since 1970. */
  readonly changed: number;
}

export interface SeenExtra {
  readonly changed: number;
  /** Absent where not everybody may read it. */
  readonly content?: string;
}

export interface SeenService {
  readonly load: string;
  readonly active: string;
  readonly sub: string;
  readonly enabled: string;
  readonly needsDaemonReload: boolean;
  /** When it was last started, in seconds since 1970; undefined when it was not. */
  readonly since: number | undefined;
}

/** What is in a release beside what was deployed; `unlisted`: nobody knows what that was. */
export type SeenRelease = "absent" | "unlisted" | readonly SeenDifference[];

/** A path in a release, with words for what was deployed and for what is there now; none: it was not, or is not there. */
export interface SeenDifference {
  readonly path: string;
  readonly deployed: readonly string[];
  readonly now: readonly string[];
}

/** A database node's answer to `postgres differs`. */
export interface SeenDatabase {
  readonly lines: readonly { readonly kind: string; readonly name: string; readonly text: string }[];
  /** Why it is not all of it; absent when it is. */
  readonly silent?: string;
}

const aliases = z.array(z.object({ name: z.string() })).nullable();

/**
 * Reads what look-host.sh printed.
 * @throws when Incus did not say which images there are
 */
export function readHost(printed: string): SeenHost {
  const sections = sectionsOf(printed);
  return {
    images: new Set((aliases.parse(JSON.parse(bodyOf(sections, "images"))) ?? []).map(({ name }) => name)),
    artifacts: new Set(linesOf(sections, "artifacts")),
    flip: bodyOf(sections, "flip").trim(),
  };
}

/** Reads what look-inside.sh printed, or why it did not. */
export function readInside(answer: Pick<Answer, "exitCode" | "isWhole" | "text" | "complaint">): SeenInside {
  const silent = isDone(answer) ? undefined : (answer.complaint.split("\n").at(-1) ?? "");
  const sections = silent === undefined ? sectionsOf(answer.text) : [];
  const has = (title: string): boolean => sections.some((section) => section.title === title);
  return {
    ...(silent === undefined ? {} : { silent }),
    files: new Map(linesOf(sections, "stat").map(fileOf)),
    differing: new Map(
      titled(sections, "differs ").map(([path, body]) => [path, body === "" ? undefined : decoded(body)]),
    ),
    extras: new Map(
      titled(sections, "extra ").map(([path, body]) => {
        const [changed = "", content = ""] = body.split("\n");
        return [path, { changed: Number(changed), ...(content === "" ? {} : { content: decoded(content) }) }];
      }),
    ),
    missingUsers: linesOf(sections, "users"),
    services: new Map(bodyOf(sections, "services").split("\n\n").flatMap(serviceOf)),
    links: new Map(linesOf(sections, "links").map((line) => halves(line, "|"))),
    notes: new Map(
      linesOf(sections, "notes").map((line): [string, number] => {
        const [path, bytes] = halves(line, "|");
        return [path, Number(bytes)];
      }),
    ),
    releases: new Map(titled(sections, "release ").map(([directory, body]) => [directory, releaseOf(body)])),
    ...(has("haproxy info")
      ? {
          haproxy: {
            info: new Map(linesOf(sections, "haproxy info").map((line) => halves(line, ": "))),
            servers: bodyOf(sections, "haproxy servers"),
          },
        }
      : {}),
    issuedNames: linesOf(sections, "issued names"),
    ...(has("details") ? { details: bodyOf(sections, "details").trim() } : {}),
    ...(has("differs") ? { database: databaseOf(linesOf(sections, "differs")) } : {}),
  };
}

function fileOf(line: string): [string, SeenFile] {
  const [type = "", mode = "", owner = "", changed = "", ...path] = line.split("|");
  return [path.join("|"), { type, mode, owner, changed: Number(changed) }];
}

function serviceOf(block: string): [string, SeenService][] {
  const values = new Map(block.split("\n").map((line) => halves(line, "=")));
  const value = (name: string): string => values.get(name) ?? "";
  const since = Number(value("ActiveEnterTimestamp").replace("@", ""));
  const name = value("Id");
  if (name === "") return [];
  const service = {
    load: value("LoadState"),
    active: value("ActiveState"),
    sub: value("SubState"),
    enabled: value("UnitFileState"),
    needsDaemonReload: value("NeedDaemonReload") === "yes",
    since: since > 0 ? since : undefined,
  };
  return [[name, service]];
}

function releaseOf(body: string): SeenRelease {
  if (body === "absent" || body === "unlisted") return body;
  const lines = body.split("\n").flatMap((line) => {
    const [, side = "", path = "", what = ""] = /^([<>])(.*)\t([^\t]*)$/.exec(line) ?? [];
    return side === "" ? [] : [{ side, path, what }];
  });
  return [...Map.groupBy(lines, ({ path }) => path)].map(([path, of]) => {
    const on = (wanted: string): string[] => of.filter(({ side }) => side === wanted).map(({ what }) => what);
    return { path, deployed: on("<"), now: on(">") };
  });
}

function databaseOf(printed: readonly string[]): SeenDatabase {
  const isWhole = printed.at(-1) === "end";
  const lines = printed.flatMap((line) => {
    const [, kind = "", name = "", text = ""] = /^([a-z]+)\|([^|]*)\|?(.*)$/.exec(line) ?? [];
    return kind === "" ? [] : [{ kind, name, text }];
  });
  return isWhole ? { lines } : { lines, silent: printed.at(-1) ?? "it said nothing" };
}

function titled(sections: readonly Section[], prefix: string): [string, string][] {
  return sections
    .filter(({ title }) => title.startsWith(prefix))
    .map(({ title, body }) => [title.slice(prefix.length), body.trimEnd()]);
}

function halves(line: string, separator: string): [string, string] {
  const at = line.indexOf(separator);
  return at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + separator.length)];
}

function decoded(base64: string): string {
  return Buffer.from(base64, "base64").toString("utf8");
}

function bodyOf(sections: readonly Section[], title: string): string {
  return sections.find((section) => section.title === title)?.body ?? "";
}

function linesOf(sections: readonly Section[], title: string): string[] {
  return bodyOf(sections, title)
    .split("\n")
    .filter((line) => line !== "");
}
