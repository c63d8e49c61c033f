import type { RecordedCommand } from "../recorded.ts";

/** What a person knows by its name; a project or an image goes without saying. */
export function isNamed({ container, volume }: RecordedCommand): boolean {
  return container !== undefined || volume !== undefined;
}

/** What a command is about, for people. */
export function commandName({ urn, container, unit, volume }: RecordedCommand): string {
  const resource = urn.split("::").at(-1) ?? urn;
  if (volume !== undefined) return `volume ${volume.name}`;
  if (container === undefined) return resource;
  return unit === "container" ? `container ${container}` : `${unit ?? resource} in ${container}`;
}
