import { afterEach, expect, it } from "@jest/globals";
import { execa } from "execa";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
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

const manifest = {
  ...{ name: "tiny", version: "1.0.0" },
  dependencies: { part: "file:part" },
  devDependencies: { checker: "file:checker" },
};
const lock = JSON.stringify({
  ...{ name: "tiny", version: "1.0.0", lockfileVersion: 3, requires: true },
  packages: {
    "": manifest,
    "node_modules/part": { resolved: "part", link: true },
    "node_modules/checker": { resolved: "checker", link: true, dev: true },
    part: { version: "1.0.0" },
    checker: { version: "1.0.0", dev: true },
  },
});
/** What checkouts leave for one another. */
const copies = join(root, "cache/veza-edge/packages");
const stamp = (text: string): string => `${createHash("sha256").update(text).digest("hex")}\n`;

/** A checkout that needs one package to run and one to be tested, which lie in it. */
function fresh(name = "checkout"): string {
  const checkout = join(root, name);
  mkdirSync(join(checkout, "tools"), { recursive: true });
  cpSync(join(repository, "tools", "bootstrap.sh"), join(checkout, "tools", "bootstrap.sh"));
  writeFileSync(join(checkout, "package.json"), JSON.stringify(manifest));
  for (const name of ["part", "checker"]) {
    mkdirSync(join(checkout, name));
    writeFileSync(join(checkout, name, "package.json"), JSON.stringify({ name, version: "1.0.0" }));
  }
  writeFileSync(join(checkout, "package-lock.json"), lock);
  return checkout;
}

/** One whose node_modules leads to packages for the lock file `otherLock`. */
function linked(otherLock: string): { checkout: string; packages: string } {
  const packages = join(root, "other", "node_modules");
  mkdirSync(join(packages, "left-alone"), { recursive: true });
  writeFileSync(join(packages, ".veza-lock"), stamp(otherLock));
  const checkout = fresh();
  symlinkSync(packages, join(checkout, "node_modules"));
  return { checkout, packages };
}

function bootstrap(checkout: string, packages: "run" | "all" = "run") {
  const script = 'set -eu; root=$1; packages=$2; . "$root/tools/bootstrap.sh"; "$node" --version';
  const env = { XDG_CACHE_HOME: join(root, "cache") };
  return execa("sh", ["-c", script, "sh", checkout, packages], { env, reject: false, timeout: 60_000 });
}

/** Names of the packages that are installed. */
function installed(checkout: string): readonly string[] {
  return readdirSync(join(checkout, "node_modules")).filter((name) => !name.startsWith("."));
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

it("installs what it takes to run, and the rest when tests are run, for good", async () => {
  const checkout = fresh();
  expect(await bootstrap(checkout)).toMatchObject({
    exitCode: 0,
    stderr: expect.stringContaining("Installed"),
  });
  expect(installed(checkout)).toEqual(["part"]);
  expect(await bootstrap(checkout)).toMatchObject({ exitCode: 0, stderr: "" });

  expect(await bootstrap(checkout, "all")).toMatchObject({
    exitCode: 0,
    stderr: expect.stringContaining("Installed"),
  });
  expect(installed(checkout)).toEqual(["checker", "part"]);
  expect(await bootstrap(checkout, "all")).toMatchObject({ exitCode: 0, stderr: "" });
  expect(await bootstrap(checkout)).toMatchObject({ exitCode: 0, stderr: "" });

  // Another version of the project.
  writeFileSync(join(checkout, "package-lock.json"), `${lock}\n`);
  expect(await bootstrap(checkout)).toMatchObject({
    exitCode: 0,
    stderr: expect.stringContaining("Installed"),
  });
  expect(installed(checkout)).toEqual(["checker", "part"]);
}, 90_000);

it("begins anew where an installation was cut off", async () => {
  const checkout = fresh();
  await bootstrap(checkout);
  rmSync(copies, { recursive: true });
  rmSync(join(checkout, "node_modules", ".veza-lock"));
  writeFileSync(join(checkout, "node_modules", "half-a-package"), "");
  expect(await bootstrap(checkout)).toMatchObject({ exitCode: 0 });
  expect(installed(checkout)).toEqual(["part"]);
}, 90_000);

it("copies what another checkout has installed, as long as nothing cut that off", async () => {
  const first = fresh();
  await bootstrap(first, "all");
  // Only a copy has it, and neither the stamp of whoever made it.
  const [name = ""] = readdirSync(copies);
  expect(readdirSync(copies)).toHaveLength(1);
  expect(existsSync(join(copies, name, ".veza-lock"))).toBe(false);
  writeFileSync(join(copies, name, "copied"), "");

  const second = fresh("second");
  expect(await bootstrap(second)).toMatchObject({
    exitCode: 0,
    stderr: expect.stringContaining("Installed"),
  });
  expect(installed(second)).toEqual(["checker", "copied", "part"]);
  expect(lstatSync(join(second, "node_modules/part")).isSymbolicLink()).toBe(true);
  expect(await bootstrap(second, "all")).toMatchObject({ exitCode: 0, stderr: "" });

  // Those of another lock file take their place.
  writeFileSync(join(second, "package-lock.json"), `${lock}\n`);
  await bootstrap(second);
  expect(installed(second)).toEqual(["checker", "part"]);
  expect(readdirSync(copies)).toEqual([expect.not.stringMatching(`^${name}$`)]);
}, 90_000);
