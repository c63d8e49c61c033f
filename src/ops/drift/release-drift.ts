import type { Drift, Place } from "./item.ts";
import type { SeenDifference, SeenInside } from "./seen.ts";
import { currentOf, releaseOf, type WantedRelease, type WantedUnit } from "./wanted.ts";

/**
 * Where an instance has another version than the deployed one, or not all of it, or may run with other settings.
 * @param files that were found to differ: what runs with them follows
 */
export function releaseDrift(
  at: Place,
  unit: WantedUnit,
  seen: SeenInside,
  files: readonly Drift[],
): Drift[] {
  const release = releaseOf(unit);
  if (release === undefined) return [];
  const { app, link } = release;
  const drift = (subject: string, says: string): Drift => ({
    ...{ ...at, kind: "release", subject },
    says,
    mends: [{ do: "apply", command: unit.command }],
  });
  const current = currentOf(app);
  const now = seen.links.get(current) ?? "";
  if (now !== link)
    return [drift(current, `it points to ${now === "" ? "nothing" : now}, deployed was ${link}`)];
  const contents = contentsDrift(release, seen);
  if (contents.length > 0) return contents.map(([subject, says]) => drift(subject, says));
  const service = `${app}.service`;
  const since = seen.services.get(service)?.since;
  const read = [`/etc/systemd/system/${service}`, `/etc/veza/${app}.env`, unit.parameters["SECRETS"] ?? ""];
  const later = read.filter((path) => (seen.files.get(path)?.changed ?? 0) > (since ?? Infinity));
  if (later.length === 0 || files.some(({ subject }) => later.includes(subject))) return [];
  return [
    drift(
      service,
      `${later.join(" and ")} ${later.length === 1 ? "was" : "were"} written after it was started, so nobody knows what it runs with`,
    ),
  ];
}

/** Files of a release that are told of one by one. */
const filesTold = 20;

function contentsDrift({ app, from }: WantedRelease, seen: SeenInside): [subject: string, says: string][] {
  if (from.kind === "program") {
    if (!seen.files.has(from.path)) return [[from.path, "the deployed program is not there"]];
    return seen.differing.has(from.path) ? [[from.path, "it is not the program that was deployed"]] : [];
  }
  const current = currentOf(app);
  const there = seen.releases.get(from.directory) ?? [];
  if (there === "absent") return [[current, "the deployed release is not there"]];
  if (there === "unlisted")
    return [[current, "the list of what was unpacked is not there, so nobody knows what was changed"]];
  const told = there
    .slice(0, filesTold)
    .map((one): [string, string] => [`${current}/${one.path}`, differenceWords(one)]);
  const more = there.length - told.length;
  if (more === 0) return told;
  return [...told, [current, `${String(more)} more in it at least are not as they were deployed`]];
}

function differenceWords({ deployed, now }: SeenDifference): string {
  if (deployed.length === 0) return "nobody deployed it";
  if (now.length === 0) return "it is not there";
  const isContent = (what: string): boolean => what.startsWith("content ");
  const [was = "", is = ""] = [deployed, now].map((side) =>
    side.filter((what) => !isContent(what)).join(", "),
  );
  return [
    ...(deployed.some(isContent) && now.some(isContent) ? ["its content was changed"] : []),
    ...(was === is ? [] : [`it is now: ${is}; deployed was: ${was}`]),
  ].join("; ");
}
