import type { RecordedCommand } from "../recorded.ts";

/** What can differ from what was applied. */
export const driftKinds = [
  /** A container is missing, does not run, or has another definition than it was given. */
  "container",
  "volume",
  "image",
  /** A file on a host that instances are deployed from. */
  "artifact",
  /** A container remembers that something else was applied last. */
  "applied",
  /** Content, mode or owner of a file. */
  "file",
  "directory",
  "user",
  /** A file that nobody applied, in a directory that the stack has whole. */
  "extra",
  /** A systemd unit is not enabled, does not run, or runs with another definition than the one on disk. */
  "service",
  /** HAProxy or Postgres runs another configuration than the one on disk. */
  "running",
  /** The deployed version of an application. */
  "release",
  /** A setting that Postgres runs with, and that its configuration does not have. */
  "setting",
  /** A role of the database that an update makes: its attributes, groups, settings or password. */
  "role",
  /** A database that an update makes. */
  "database",
  /** Not exactly one primary, or a standby that does not follow it. */
  "topology",
] as const;
export type DriftKind = (typeof driftKinds)[number];

/** Where something was seen. */
export interface Place {
  /** Of the host, as messages have it. */
  readonly host: string;
  readonly container?: string | undefined;
}

/** Something that is not as the last update left it. */
export interface Drift extends Place {
  readonly kind: DriftKind;
  /** The path, service, device… that it is about. */
  readonly subject: string;
  /** What is different, and where nothing repairs it what to do. */
  readonly says: string;
  /** Unified diff of what can be shown. */
  readonly patch?: string;
  /** What brings it back, in this order; none: it takes a person. */
  readonly mends: readonly Mend[];
  /** Whatever it serves, it does not serve now: it is brought back before what still does is touched. */
  readonly isOut?: boolean;
}

/** A step of a repair. */
export type Mend =
  /** What was applied is applied again, as the state has it. */
  | { readonly do: "apply"; readonly command: RecordedCommand }
  | { readonly do: "start" }
  | { readonly do: "unset"; readonly key: string }
  | { readonly do: "no-profiles" }
  /** A volume forgets its size, so that the command that gives it one does not take it for done. */
  | { readonly do: "forget"; readonly pool: string; readonly volume: string }
  | { readonly do: "remove"; readonly path: string }
  /** A unit's next application restarts this service, though its files may be right. */
  | { readonly do: "restart"; readonly unit: string; readonly service: string };

/** What somebody, or a program, decided at run time: not drift, and no update undoes it. */
export interface RuntimeState extends Place {
  readonly kind: string;
  readonly says: string;
  /** What looks like drift and only follows from this. */
  excuses(drift: Drift): boolean;
}

/** What could not be looked at. */
export interface Unseen extends Place {
  readonly says: string;
}
