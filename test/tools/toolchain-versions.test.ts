import { describe, expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import packageJson from "../../package.json" with { type: "json" };
import { atLeast } from "../../tools/toolchain/semver.ts";
import { modulesOf, toolsDir, versions } from "../../tools/toolchain/versions.ts";

describe("the pinned versions", () => {
  it("are those of the npm packages that talk to them", () => {
    expect({
      cli: versions.cli.version,
      tls: versions.tls.version,
      command: versions.command.version,
    }).toEqual({
      cli: packageJson.dependencies["@pulumi/pulumi"],
      tls: packageJson.dependencies["@pulumi/tls"],
      command: packageJson.dependencies["@pulumi/command"],
    });
  });

  it("build the CLI that they name", () => {
    const module = readFileSync(join(toolsDir, "pulumi-cli", "go.mod"), "utf8");
    expect(module).toContain(`github.com/pulumi/pulumi/pkg/v3 v${versions.cli.version} `);
  });

  it.each(Object.values(modulesOf).flat())("accept a Go for tools/%s", (module) => {
    const needed = /^go (\S+)$/m.exec(readFileSync(join(toolsDir, module, "go.mod"), "utf8"))?.[1];
    expect(atLeast(versions.go.minimum, needed ?? "none")).toBe(true);
    expect(atLeast(versions.go.pinned, versions.go.minimum)).toBe(true);
  });
});

describe("comparing versions", () => {
  it.each([
    ["1.25.11", "1.25.11", true],
    ["1.26", "1.25.11", true],
    ["1.25.9", "1.25.11", false],
    ["v22.18.0", "22.18.0", true],
    ["22.9.1", "22.18.0", false],
    ["1.26rc1", "1.26", true],
  ])("%s is at least %s: %s", (version, minimum, expected) => {
    expect(atLeast(version, minimum)).toBe(expected);
  });
});
