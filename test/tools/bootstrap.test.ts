import { afterEach, expect, it } from "@jest/globals";
import { execa } from "execa";
import { createHash } from "node:crypto";
import {
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const repository = resolve(import.meta.dirname, "../..");
const root = mkdtempSync(join(tmpdir(), "veza-bootstrap-"));
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

const manifest = { name: "tiny", version: "1.0.0", dependencies: { part: "file:part" } };
const lock = JSON.stringify({
  ...{ name: "tiny", version: "1.0.0", lockfileVersion: 3, requires: true },
  packages: {
    "": manifest,
    "node_modules/part": { resolved: "part", link: true },
    part: { version: "1.0.0" },
  },
});

/** A checkout that needs one package, which lies in it. Its node_modules leads to packages for the lock file `otherLock`. */
function linked(otherLock: string): { checkout: string; packages: string } {
  const packages = join(root, "other", "node_modules");
  mkdirSync(join(packages, "left-alone"), { recursive: true });
  writeFileSync(join(packages, ".veza-lock"), `${createHash("sha256").update(otherLock).digest("hex")}\n`);
  const checkout = join(root, "checkout");
  mkdirSync(join(checkout, "tools"), { recursive: true });
  cpSync(join(repository, "tools", "bootstrap.sh"), join(checkout, "tools", "bootstrap.sh"));
  writeFileSync(join(checkout, "package.json"), JSON.stringify(manifest));
  mkdirSync(join(checkout, "part"));
  writeFileSync(join(checkout, "part", "package.json"), '{"name":"part","version":"1.0.0"}');
  writeFileSync(join(checkout, "package-lock.json"), lock);
  symlinkSync(packages, join(checkout, "node_modules"));
  return { checkout, packages };
}

function bootstrap(checkout: string) {
  const script = 'set -eu; root=$1; . "$root/tools/bootstrap.sh"; "$node" --version';
  return execa("sh", ["-c", script, "sh", checkout], { reject: false, timeout: 60_000 });
}

it("installs packages of its own in place of a link to those of a checkout with another lock file", async () => {
  const { checkout, packages } = linked("another");
  const before = readFileSync(join(packages, ".veza-lock"), "utf8");
  const ended = await bootstrap(checkout);
  expect(ended).toMatchObject({ exitCode: 0, stderr: expect.stringContaining(`it led to ${packages}`) });
  expect(lstatSync(join(checkout, "node_modules")).isDirectory()).toBe(true);
  expect(readdirSync(join(checkout, "node_modules"))).toContain("part");
  expect(readdirSync(packages).sort()).toEqual([".veza-lock", "left-alone"]);
  expect(readFileSync(join(packages, ".veza-lock"), "utf8")).toBe(before);
}, 90_000);

it("uses a link to packages of the same lock file", async () => {
  const { checkout } = linked(lock);
  expect(await bootstrap(checkout)).toMatchObject({ exitCode: 0, stderr: "" });
  expect(lstatSync(join(checkout, "node_modules")).isSymbolicLink()).toBe(true);
}, 90_000);
