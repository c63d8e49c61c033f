import { afterEach, describe, expect, it } from "@jest/globals";
import { Command } from "commander";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { selectedStack } from "../../src/ops/pulumi/project.ts";
import { chooseStack, stackOption } from "../../src/ops/stack-option.ts";

const before = process.env["PULUMI_STACK"];
afterEach(() => {
  if (before === undefined) delete process.env["PULUMI_STACK"];
  else process.env["PULUMI_STACK"] = before;
});

/** What a verb's action finds in `stack`. */
async function stackOf(...words: readonly string[]): Promise<string | undefined> {
  let found: string | undefined;
  const program = new Command("veza").hook("preAction", (_, called) => chooseStack(called));
  program
    .command("look")
    .addOption(stackOption())
    .action(({ stack }: { stack: string }) => {
      found = stack;
    });
  await program.parseAsync(["look", ...words], { from: "user" });
  return found;
}

describe("the stack that a verb is about", () => {
  it("is the one that was named, whatever is selected", async () => {
    process.env["PULUMI_STACK"] = "staging";
    expect(await stackOf("--stack", "prod")).toBe("prod");
  });

  it("is the one that bin/pulumi would take, by its bare name, when none was named", async () => {
    process.env["PULUMI_STACK"] = "organization/veza-edge/staging";
    expect(await stackOf()).toBe("staging");
  });
});

describe("the stack that bin/pulumi takes", () => {
  const root = mkdtempSync(join(tmpdir(), "veza-selected-"));
  const project = { name: "veza-edge", dir: root, file: join(root, "Pulumi.yaml") };
  afterEach(() => {
    rmSync(root, { recursive: true, force: true });
  });

  it("is that of the environment, else the selected one, else none", () => {
    expect(selectedStack({}, root, project)).toBeUndefined();
    const id = createHash("sha1").update(project.file).digest("hex");
    mkdirSync(join(root, "workspaces"), { recursive: true });
    writeFileSync(join(root, "workspaces", `veza-edge-${id}-workspace.json`), '{"stack":"prod"}');
    expect(selectedStack({}, root, project)).toBe("prod");
    expect(selectedStack({ PULUMI_STACK: "staging" }, root, project)).toBe("staging");
    expect(selectedStack({ PULUMI_STACK: "" }, root, project)).toBe("prod");
  });
});
