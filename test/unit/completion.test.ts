import { describe, expect, it } from "@jest/globals";
import { Argument, Command } from "commander";
import { execa } from "execa";
import { completionScript } from "../../src/ops/completion/completion.ts";
import { stackOption } from "../../src/ops/stack-option.ts";

const program = new Command("veza");
program.command("drain").addOption(stackOption()).option("--force", "also the last");
const certs = program.command("certs");
certs.command("list").option("--json", "as JSON");
certs.command("renew");
program.command("completion").addArgument(new Argument("<shell>").choices(["bash", "zsh"]));

/** What bash offers for the last of these words. */
async function offered(...words: readonly string[]): Promise<string> {
  const script = `${completionScript(program, "bash", ["lab", "prod"])}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _veza; echo "\${COMPREPLY[*]}"`;
  return (await execa("bash", ["-euc", script, "bash", ...words])).stdout;
}

describe("completion in bash", () => {
  it.each([
    [["bin/veza", ""], "drain certs completion --help"],
    [["veza", "c"], "certs completion"],
    [["veza", "certs", ""], "list renew --help"],
    [["veza", "certs", "list", "--"], "--json --help"],
    [["veza", "drain", "--stack", ""], "lab prod"],
    [["veza", "drain", "-s", "p"], "prod"],
    [["veza", "drain", "--stack", "prod", "--f"], "--force"],
    [["veza", "completion", "z"], "zsh"],
    [["veza", "drain", "$(touch /tmp/run-by-completion)", "--f"], "--force"],
  ])("of %j offers %s", async (words, expected) => {
    expect(await offered(...words)).toBe(expected);
  });

  it("is registered under the program's name", async () => {
    const { stdout } = await execa("bash", ["-c", `${completionScript(program, "bash")}\ncomplete -p veza`]);
    expect(stdout).toBe("complete -F _veza veza");
  });
});
