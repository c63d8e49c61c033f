import { createHash } from "node:crypto";
import { dirname, join } from "node:path";

import { readOrigin, type Road } from "./obtain.ts";
import { cacheDir, pieceId, pieceNames, type PieceName } from "./versions.ts";

/** The pinned Pulumi, ready to run. Paths are absolute. */
export interface Toolchain {
  /** The CLI's binary. */
  readonly pulumi: string;
  /** Folder to put first on PATH: has `pulumi` and `pulumi-language-nodejs`. Node is to come right after it. */
  readonly binDir: string;
  /** PULUMI_HOME: has the resource plugins; shared by everybody who has these pins. */
  readonly pulumiHome: string;
  readonly origins: Readonly<Record<PieceName, PieceOrigin>>;
}

export interface PieceOrigin {
  readonly version: string;
  /** How it first came to this machine. */
  readonly road: Road;
  /** For people: the path, the address or the Go module it came from. */
  readonly from: string;
  /** The binary. */
  readonly path: string;
}

/** Where pieces are kept, per user and across checkouts. */
export function toolchainDir(): string {
  return join(cacheDir(), "toolchain");
}

/** Raised when homes are made in another way. */
const homeRevision = 2;

/** PULUMI_HOME belongs to one set of plugins: two checkouts with different ones do not disturb each other. */
export function homeId(): string {
  const madeOf = [...(["tls", "command"] as const).map((piece) => pieceId(piece)), String(homeRevision)];
  return `home-${createHash("sha256").update(madeOf.join(" ")).digest("hex").slice(0, 12)}`;
}

/** The toolchain when it is all there, else undefined. Only looks, in a few milliseconds. */
export function findToolchain(): Toolchain | undefined {
  const root = toolchainDir();
  const pulumiHome = join(root, homeId());
  if (!readOrigin(pulumiHome)) return undefined;
  const origins = pieceNames.map((piece) => originOf(join(root, pieceId(piece)), piece));
  const [cli, tls, command] = origins;
  if (!cli || !tls || !command) return undefined;
  return { pulumi: cli.path, binDir: dirname(cli.path), pulumiHome, origins: { cli, tls, command } };
}

/** The main program of a piece, in its folder. */
export const mainFile: Readonly<Record<PieceName, string>> = {
  cli: "pulumi",
  tls: "pulumi-resource-tls",
  command: "pulumi-resource-command",
};

function originOf(dir: string, piece: PieceName): PieceOrigin | undefined {
  const origin = readOrigin(dir);
  if (!origin) return undefined;
  const { version, road, from } = origin;
  return { version, road, from, path: origin.found?.path ?? join(dir, mainFile[piece]) };
}
