import { describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { fileURLToPath } from "node:url";

const traces = fileURLToPath(new URL("../../src/stack-traces.ts", import.meta.url));

/** A stack trace out of Pulumi's own code, after its runtime has seen to it that they are mapped. */
async function traceFrom(before: string): Promise<string> {
  const script = `
    require("source-map-support/register");
    import(${JSON.stringify(traces)}).then((m) => {
      ${before}
      const { Config } = require("@pulumi/pulumi");
      try { new Config("a").require("b"); } catch (error) { console.log(error.stack); }
    });`;
  const { stdout } = await execa(process.execPath, ["-e", script]);
  return stdout;
}

describe("stack traces of the program", () => {
  it("name the files that run, and are not mapped to what those were made from", async () => {
    expect(await traceFrom("")).toContain("config.ts:");
    const plain = await traceFrom("m.plainStackTraces();");
    expect(plain).toContain("@pulumi/pulumi/config.js:");
    expect(plain).not.toContain("config.ts:");
  }, 30_000);
});
