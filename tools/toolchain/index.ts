import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

import { execa } from "execa";

import { findToolchain, homeId, mainFile, toolchainDir, type Toolchain } from "./find.ts";
import { findOrFetchGo, type Go } from "./go.ts";
import { obtain, type Source } from "./obtain.ts";
import { sourcesOf, vendorOf } from "./pieces.ts";
import type { Progress } from "../progress.ts";
import { pieceId, pieceNames, versions, type PieceName } from "./versions.ts";

export { findToolchain, type Toolchain } from "./find.ts";

/**
 * Gets every piece of the toolchain that is not there yet; with all of them there it takes milliseconds.
 * One step of `progress` per missing piece. Throws when a piece cannot be had on any road, with each
 * road's reason.
 */
export async function ensureToolchain(progress: Progress): Promise<Toolchain> {
  const there = findToolchain();
  if (there) return there;

  const root = toolchainDir();
  const vendor = vendorOf(process.env);
  let go: Promise<Go> | undefined;
  const findGo = (note: (detail: string) => void) => (go ??= findOrFetchGo(root, note));
  const titles: Record<PieceName, string> = {
    cli: `Pulumi CLI ${versions.cli.version}`,
    tls: `Pulumi plugin tls ${versions.tls.version}`,
    command: `Pulumi plugin command ${versions.command.version}`,
  };
  const paths = new Map<PieceName, string>();
  for (const piece of pieceNames) {
    await progress.step(titles[piece], async (note) => {
      const dir = join(root, pieceId(piece));
      const origin = await obtain(dir, sourcesOf(piece, vendor, findGo), note);
      paths.set(piece, origin.found?.path ?? join(dir, mainFile[piece]));
    });
  }
  await progress.step("Pulumi home", (note) => obtain(join(root, homeId()), [home(paths)], note));

  const toolchain = findToolchain();
  if (!toolchain) throw new Error(`the toolchain in ${root} changed while it was set up: run again`);
  return toolchain;
}

/** PULUMI_HOME with the plugins in it, apart from the user's own. */
function home(paths: ReadonlyMap<PieceName, string>): Source {
  return {
    road: "built",
    async take(dir, note) {
      for (const name of ["tls", "command"] as const) {
        note(`installing ${name}`);
        const file = paths.get(name) ?? "";
        await execa(
          paths.get("cli") ?? "",
          ["plugin", "install", "resource", name, versions[name].version, "--file", file],
          { env: { PULUMI_HOME: dir, PULUMI_SKIP_UPDATE_CHECK: "true" }, timeout: 60_000 },
        );
      }
      // Which stack is selected is the user's and outlives a change of pins.
      const workspaces = join(process.env["XDG_STATE_HOME"] || join(homedir(), ".local", "state"),
        "veza-edge", "workspaces"); // prettier-ignore
      mkdirSync(workspaces, { recursive: true });
      symlinkSync(workspaces, join(dir, "workspaces"));
      forgoLogs(join(dir, "logs"));
      return { version: versions.cli.version, from: dirname(dir) };
    },
  };
}

/**
 * Pulumi writes everything that it says to its plugins into a compressed and encrypted log, whatever the verbosity and
 * without a switch against it: a quarter of an update's time at fifty instances (docs/performance.md), and half a
 * gigabyte in a folder that is a cache here. It does without where that folder cannot be made.
 */
function forgoLogs(folder: string): void {
  rmSync(folder, { recursive: true, force: true }); // of the plugins' installation
  writeFileSync(
    folder,
    "A file on purpose: Pulumi would write a log of each command into a folder of this name, which takes up to a quarter\n" +
      "of an update's time. Remove it to have those logs. What an update does: bin/pulumi up --logtostderr -v=9\n",
  );
}
