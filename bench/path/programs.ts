import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Note } from "../../tools/progress.ts";
import { findOrFetchGo, goBuild } from "../../tools/toolchain/go.ts";
import { toolchainDir } from "../../tools/toolchain/find.ts";
import { obtain } from "../../tools/toolchain/obtain.ts";
import { cacheDir } from "../../tools/toolchain/versions.ts";

/** Paths of binaries that run in containers. */
export interface Programs {
  /** Servers and clients. */
  readonly talk: string;
  readonly caddy: string;
}

interface Module {
  /** Its main package. */
  readonly target: string;
  /** The Go that it asks for. */
  readonly minimumGo: string;
  /** Of the module that the package is in; with it, Caddy knows its version. */
  readonly requires?: string;
}

/** Each in a folder beside this file. */
const modules: Readonly<Record<keyof Programs, Module>> = {
  talk: { target: ".", minimumGo: "1.25.11" },
  caddy: {
    target: "github.com/caddyserver/caddy/v2/cmd/caddy",
    minimumGo: "1.26.0",
    requires: "github.com/caddyserver/caddy/v2",
  },
};

/** Built from Go modules into the user's cache; once. */
export async function buildPrograms(note: Note): Promise<Programs> {
  return { talk: await build("talk", note), caddy: await build("caddy", note) };
}

async function build(name: keyof Programs, note: Note): Promise<string> {
  const { target, minimumGo, requires } = modules[name];
  const folder = fileURLToPath(new URL(`${name}/`, import.meta.url));
  const sources = globSync("*", { cwd: folder }).sort();
  const hash = createHash("sha256");
  for (const source of sources) hash.update(source).update(readFileSync(join(folder, source)));
  const id = hash.digest("hex").slice(0, 12);
  const directory = join(cacheDir(), "bench", "path", `${name}-${id}`);
  const variables =
    requires === undefined ? {} : { [`${requires}.CustomVersion`]: required(requires, folder) };
  const source = {
    road: "built",
    async take(output: string) {
      const go = await findOrFetchGo(toolchainDir(), note, minimumGo);
      await goBuild(go, { folder, target, variables, output: join(output, name) }, note);
      return { version: id, from: `Go modules, Go ${go.version}` };
    },
  } as const;
  await obtain(directory, [source], (detail) => note(`${name}: ${detail}`));
  return join(directory, name);
}

/** The version of a module that the go.mod in a folder asks for. */
function required(module: string, folder: string): string {
  const lines = readFileSync(join(folder, "go.mod"), "utf8").split("\n");
  return (
    lines.map((line) => line.trim().split(" ")).find(([name]) => name === module)?.[1] ?? "unknown version"
  );
}
