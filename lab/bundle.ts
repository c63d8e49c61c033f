import { createHash } from "node:crypto";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

/** The stand-in applications; each has its entry point at `lab/<app>/main.ts`. */
export const standIns = ["backend-api", "stream-server"] as const;
export type StandIn = (typeof standIns)[number];

export interface BundledStandIn {
  readonly app: StandIn;
  /** `<outDir>/<app>.mjs`: one file that Node 20 runs with nothing beside it. */
  readonly path: string;
  /** Of that file, lower-case hex. The same source gives the same digest, on every machine. */
  readonly sha256: string;
}

export interface BundleOptions {
  /** What the applications call themselves; default: the first 12 hex digits of the source's hash. */
  readonly version?: string;
}

/** Bundles every stand-in below `outDir`, which is made if missing. */
export async function bundleStandIns(outDir: string, options: BundleOptions = {}): Promise<BundledStandIn[]> {
  await mkdir(outDir, { recursive: true });
  return Promise.all(
    standIns.map(async (app) => {
      const version = options.version ?? sha256(await bundle(app, "")).slice(0, 12);
      const code = await bundle(app, version);
      const path = join(outDir, `${app}.mjs`);
      // Renamed into place: whoever reads the file meanwhile sees the old one or the new one, whole.
      const incomplete = `${path}.${process.pid}`;
      await writeFile(incomplete, code);
      await rename(incomplete, path);
      return { app, path, sha256: sha256(code) };
    }),
  );
}

async function bundle(app: StandIn, version: string): Promise<Uint8Array> {
  const result = await build({
    absWorkingDir: join(import.meta.dirname, ".."),
    entryPoints: [`lab/${app}/main.ts`],
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    target: "node20.19",
    // Comments would carry paths; names stay, for stack traces.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: "none",
    define: { VERSION: JSON.stringify(version) },
    // ws and pg are CommonJS, and their calls of require have no meaning in a module without this.
    banner: { js: 'import{createRequire}from"node:module";const require=createRequire(import.meta.url);' },
    // Optional native parts of ws and pg: left out whether or not they happen to be installed.
    external: ["bufferutil", "utf-8-validate", "pg-native"],
    logLevel: "silent",
  });
  const [file] = result.outputFiles;
  if (file === undefined) throw new Error(`esbuild made nothing of lab/${app}/main.ts`);
  return file.contents;
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
