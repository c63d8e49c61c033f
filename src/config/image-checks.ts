import { yamlPath, type Problem } from "./problem.ts";
import type { Sketch } from "./sketch.ts";

/**
 * Packages that an image of the user's own lacks.
 * @param forWhat the part of the config that needs them
 */
export function missingPackages(
  images: Sketch["images"],
  image: keyof NonNullable<Sketch["images"]>,
  needed: readonly string[],
  forWhat: string,
): Problem[] {
  const missing = needed.filter((name) => images?.[image]?.packages?.includes(name) === false);
  if (missing.length === 0) return [];
  return [
    {
      path: yamlPath(["images", image, "packages"]),
      message: `${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} missing, which ${forWhat} needs`,
      hint: "add what is missing, or leave packages out to have the default",
    },
  ];
}
