import { execa } from "execa";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ImageSpec } from "../../../src/incus/image.ts";
import { removeProjects } from "../../../tools/machine/projects.ts";
import { builtImage } from "./built-image.ts";

/** Programs of one image. */
export interface ProgramsOf {
  /** Name of a container that is made for them. */
  readonly container: string;
  readonly image: string;
  readonly spec: ImageSpec;
  readonly programs: readonly string[];
  /** Names of environment variables that go with them. @default none */
  readonly variables?: readonly string[];
}

/**
 * Programs of container images, to be run on this machine as if they were installed here: each is a script on PATH
 * that runs the real one in a container, which sees the same folder for temporary files.
 */
export class ImagePrograms {
  /** What a child process needs to find them. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #project: string;
  readonly #folder: string;

  private constructor(project: string, folder: string) {
    this.#project = project;
    this.#folder = folder;
    this.environment = {
      PATH: `${join(folder, "bin")}:${process.env["PATH"] ?? ""}`,
      TMPDIR: join(folder, "tmp"),
    };
  }

  static async open(project: string, images: readonly ProgramsOf[]): Promise<ImagePrograms> {
    await removeProjects([project]);
    // Not below /tmp, which a container mounts anew when it boots.
    const folder = await mkdtemp("/var/tmp/veza-programs-");
    const opened = new ImagePrograms(project, folder);
    await mkdir(join(folder, "bin"));
    await mkdir(join(folder, "tmp"));
    await incus("project", "create", project, "-c", "features.images=false", "-c", "features.networks=false");
    for (const one of images) await opened.#bring(one);
    return opened;
  }

  async #bring({ container, image, spec, programs, variables = [] }: ProgramsOf): Promise<void> {
    const [project, folder] = [this.#project, this.#folder];
    const alias = await builtImage(image, spec);
    // Its root is ours, and reads what we write for ourselves only.
    const as = ["--project", project, "-s", "default", "-c", "security.privileged=true"];
    await incus("init", alias, container, ...as);
    const disk = ["disk", `source=${folder}`, `path=${folder}`];
    await incus("config", "device", "add", container, "shared", ...disk, "--project", project);
    await incus("start", container, "--project", project);
    const env = variables.map((name) => `--env "${name}=\${${name}-}"`).join(" ");
    for (const program of programs) {
      // What a process prints last can be lost on its way out of a container, so it goes into a file.
      const script = `#!/bin/sh
said=$(mktemp)
status=0
incus exec ${container} --project ${project} --mode=non-interactive ${env} -- sh -c 'said=$1; shift; "$@" >"$said" 2>&1' sh "$said" ${program} "$@" </dev/null || status=$?
cat "$said"
rm -f "$said"
exit "$status"
`;
      await writeFile(join(folder, "bin", program), script);
      await chmod(join(folder, "bin", program), 0o755);
    }
  }

  async close(): Promise<void> {
    await removeProjects([this.#project]);
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function incus(...words: readonly string[]): Promise<void> {
  await execa("incus", words, { stdin: "ignore", timeout: 120_000 });
}
