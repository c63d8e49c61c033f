import { describe, expect, it } from "@jest/globals";
import { execa } from "execa";

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
