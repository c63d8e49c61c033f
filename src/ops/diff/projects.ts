import { existsSync, readdirSync, readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";

/** A Pulumi project of this repository. */
export interface Project {
  /** Its name, as its Pulumi.yaml has it. */
  readonly name: string;
  /** Folder of its Pulumi.yaml and its stacks' files. */
  readonly directory: URL;
  /** The module that is its program; the edge's is part of this one. */
  readonly program?: URL;
}

export const edgeProject = "veza-edge";

const projectFile = z.object({ name: z.string(), main: z.string() });

/** The edge, then what lies in folders of their own below `stacks/`, by their names. */
export function projectsIn(directory: URL): readonly Project[] {
  const stacks = new URL("stacks/", directory);
  const folders = existsSync(stacks) ? readdirSync(stacks).sort() : [];
  const others = folders.flatMap((folder): Project[] => {
    const own = new URL(`${folder}/`, stacks);
    const file = new URL("Pulumi.yaml", own);
    if (!existsSync(file)) return [];
    const { name, main } = projectFile.parse(parse(readFileSync(file, "utf8")));
    return [{ name, directory: own, program: new URL(main, own) }];
  });
  return [{ name: edgeProject, directory }, ...others];
}

/** The projects that have a file of this stack. */
export function projectsOf(stack: string, directory: URL): readonly Project[] {
  return projectsIn(directory).filter((project) =>
    existsSync(new URL(`Pulumi.${stack}.yaml`, project.directory)),
  );
}

/** Stacks that any project has a file of, by their names. */
export function stackNames(directory: URL): readonly string[] {
  const files = projectsIn(directory).flatMap((project) => readdirSync(project.directory));
  return [...new Set(files.flatMap((name) => /^Pulumi\.([^.]+)\.yaml$/.exec(name)?.[1] ?? []))].sort();
}
