import { describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { fileURLToPath } from "node:url";
import { quietVariable } from "../../src/quiet-variable.ts";

const debugMessages = fileURLToPath(new URL("../../src/debug-messages.ts", import.meta.url));

describe("the start of Pulumi's SDK", () => {
  it("loads nothing of npm's dependency solver, which only says that it was left out", async () => {
    const script = `
      require("@pulumi/pulumi");
      const loaded = Object.keys(require.cache).filter((path) => /arborist|pacote|sigstore|cacache/.test(path));
      const { Arborist } = require("@npmcli/arborist");
      let said = "";
      try { new Arborist({ path: "." }); } catch (error) { said = error.message; }
      console.log(JSON.stringify({ loaded, said }));`;
    const { stdout } = await execa(process.execPath, ["-e", script]);
    expect(JSON.parse(stdout)).toEqual({
      loaded: [expect.stringMatching(/tools\/no-arborist\/index\.cjs$/)],
      said: expect.stringContaining("was left out of this project (tools/no-arborist)"),
    });
  }, 30_000);
});

describe("debug messages of Pulumi's SDK", () => {
  /** Severities of what the engine is told while a resource is registered. */
  async function messages(env: Readonly<Record<string, string>>): Promise<unknown> {
    const script = `
      import(${JSON.stringify(debugMessages)}).then(async (m) => {
        m.leaveOutDebugMessages();
        const { ComponentResource, runtime, log } = require("@pulumi/pulumi");
        await runtime.setMocks({ newResource: ({ name }) => ({ id: name, state: {} }), call: () => ({}) });
        const settings = require("@pulumi/pulumi/runtime/settings");
        const told = [];
        settings.getEngine = () => ({ log: (request, done) => { told.push(request.getSeverity()); done(); } });
        new ComponentResource("a:b:C", "d");
        await log.warn("of ours");
        console.log(JSON.stringify(told));
      });`;
    const { stdout } = await execa(process.execPath, ["-e", script], { env });
    return JSON.parse(stdout);
  }
  const [debug, warning] = [0, 2];

  it("are sent when they may be wanted", async () => {
    expect(await messages({})).toEqual(expect.arrayContaining([debug, warning]));
  }, 30_000);

  it("are left out when bin/pulumi says that nobody asked for them; others are not", async () => {
    expect(await messages({ [quietVariable]: "true" })).toEqual([warning]);
  }, 30_000);
});
