import {
  mkdirSync,
  chmodSync,
  copyFileSync,
  existsSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { homedir } from "node:os";
import { basename, delimiter, dirname, join } from "node:path";

import { execa } from "execa";

import { mainFile } from "./find.ts";
import { goBuild, type Go } from "./go.ts";
import type { Origin, Source } from "./obtain.ts";
import { reasonOf } from "./reason.ts";
import { defaultLimits, downloadTarball, releasesUrl, type DownloadLimits } from "./vendor.ts";
import { languageHostWrapper, machineArch, toolsDir, versions, type PieceName } from "./versions.ts";

/** What one run learned about the vendor's host, so that a dead one is waited for once. */
export interface Vendor {
  readonly url: string;
  unreachable?: string;
}

export function vendorOf(env: NodeJS.ProcessEnv): Vendor {
  return { url: releasesUrl(env) };
}

type FindGo = (note: (detail: string) => void) => Promise<Go>;

/** The ways to get a piece, best first. `go` is asked for only when something must be built. */
export function sourcesOf(piece: PieceName, vendor: Vendor, go: FindGo): Source[] {
  return [onThisMachine(piece), fromVendor(piece, vendor), fromGoModules(piece, go)];
}

function onThisMachine(piece: PieceName): Source {
  const { version } = versions[piece];
  return {
    road: "path",
    async take() {
      if (piece !== "cli") {
        const plugin = join(
          homedir(),
          ".pulumi",
          "plugins",
          `resource-${piece}-v${version}`,
          mainFile[piece],
        );
        return existsSync(plugin)
          ? found(plugin, version)
          : `${piece} ${version} is not in ~/.pulumi/plugins`;
      }
      const pulumi = (process.env["PATH"] ?? "")
        .split(delimiter)
        .map((dir) => join(dir, "pulumi"))
        .find((file) => existsSync(file));
      if (pulumi === undefined) return "no pulumi on PATH";
      const said = await execa(pulumi, ["version"], { reject: false, timeout: 10_000 });
      if (said.stdout !== `v${version}`) return `${pulumi} is ${said.stdout || "silent"}`;
      const real = realpathSync(pulumi);
      // The two belong together: they come in one release.
      if (!existsSync(join(dirname(real), "pulumi-language-nodejs"))) {
        return `${real} has no pulumi-language-nodejs beside it`;
      }
      return found(real, version);
    },
  };
}

function found(path: string, version: string): Omit<Origin, "road"> {
  const { size, mtimeMs } = statSync(path);
  return { version, from: path, found: { path, size, mtimeMs } };
}

function fromVendor(piece: PieceName, vendor: Vendor): Source {
  const { version, sha256 } = versions[piece];
  const arch = machineArch();
  const path =
    piece === "cli"
      ? `sdk/pulumi-v${version}-linux-${arch}.tar.gz`
      : `plugins/pulumi-resource-${piece}-v${version}-linux-${arch === "x64" ? "amd64" : arch}.tar.gz`;
  return vendorRelease(vendor, {
    path,
    version,
    sha256: sha256[arch],
    // The CLI's tarball has one folder, with a language host for every language.
    files: piece === "cli" ? ["pulumi/pulumi", "pulumi/pulumi-language-nodejs"] : [mainFile[piece]],
  });
}

/** One tarball of the vendor. */
export interface Release {
  /** Below the vendor's address. */
  readonly path: string;
  readonly version: string;
  /** Undefined: not pinned, so not downloaded. */
  readonly sha256: string | undefined;
  /** The programs to keep of it, as it names them. */
  readonly files: readonly string[];
}

export function vendorRelease(
  vendor: Vendor,
  release: Release,
  limits: DownloadLimits = defaultLimits,
): Source {
  const url = `${vendor.url}/${release.path}`;
  return {
    road: "vendor",
    async take(dir, note) {
      if (release.sha256 === undefined) return "no checksum is pinned in tools/versions.json";
      if (vendor.unreachable !== undefined) return vendor.unreachable;
      const unpacked = join(dir, "unpacked");
      mkdirSync(unpacked);
      try {
        await downloadTarball(url, release.sha256, unpacked, note, limits);
      } catch (error) {
        if (isUnreachable(error)) vendor.unreachable = `${vendor.url} cannot be reached`;
        throw error;
      }
      for (const file of release.files) renameSync(join(unpacked, file), join(dir, basename(file)));
      rmSync(unpacked, { recursive: true });
      return { version: release.version, from: url };
    },
  };
}

/** Whether no connection could be had at all: then the vendor's other files need not be tried. */
function isUnreachable(error: unknown): boolean {
  const codes = [
    "UND_ERR_CONNECT_TIMEOUT",
    "ECONNREFUSED",
    "ENOTFOUND",
    "EAI_AGAIN",
    "ENETUNREACH",
    "EHOSTUNREACH",
  ];
  return codes.includes(reasonOf(error).code);
}

function fromGoModules(piece: PieceName, findGo: FindGo): Source {
  const { version } = versions[piece];
  return {
    road: "built",
    async take(dir, note) {
      const go = await findGo(note);
      for (const build of builds[piece](dir, version)) await goBuild(go, build, note);
      if (piece === "cli") {
        copyFileSync(languageHostWrapper, join(dir, "pulumi-language-nodejs"));
        chmodSync(join(dir, "pulumi-language-nodejs"), 0o755);
      }
      return { version, from: `Go modules, Go ${go.version}` };
    },
  };
}

const builds = {
  cli: (dir: string, version: string) => [
    {
      folder: join(toolsDir, "language-host"),
      target: "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs",
      output: join(dir, "nodejs-host"),
    },
    {
      folder: join(toolsDir, "pulumi-cli"),
      target: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
      output: join(dir, "pulumi"),
      variables: { "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": `v${version}` },
    },
  ],
  tls: (dir: string, version: string) => [plugin("tls", dir, version)],
  command: (dir: string, version: string) => [plugin("command", dir, version)],
};

function plugin(piece: PieceName, dir: string, version: string) {
  return {
    folder: join(toolsDir, `${piece}-plugin`),
    target: ".",
    output: join(dir, mainFile[piece]),
    variables: { "main.version": version },
  };
}
