import { describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { logWords, shellWords } from "../../src/ops/inside/inside.ts";

const place = { name: "backend-api-1", host: "main", address: "", units: ["backend-api"] };

/** Runs on this machine what would be run in the container. */
function run(words: readonly string[], input: string) {
  const [program = "", ...rest] = words.slice(words.indexOf("--") + 1);
  return execa(program, rest, { input, reject: false, timeout: 20_000 });
}

describe("a container's logs", () => {
  it("are those of what it is for, unless others are asked for", () => {
    const words = logWords("veza-lab", place, { follow: true, lines: 20 }).join(" ");
    expect(words).toMatch(/^incus exec backend-api-1 --project veza-lab /);
    expect(words).toMatch(/ journalctl --no-pager --lines 20 --follow --unit backend-api$/);
    const other = logWords("veza-lab", place, { follow: false, lines: 5, units: ["a", "b"] }).join(" ");
    expect(other).toMatch(/ journalctl --no-pager --lines 5 --unit a --unit b$/);
  });

  it("of requests are the access log, through its change of files", () => {
    const said = (follow: boolean): string =>
      logWords("veza-lab", place, { follow, lines: 20, requests: true }).join(" ");
    expect(said(false)).toMatch(/ tail --lines 20 \/var\/log\/haproxy\/access\.log$/);
    expect(said(true)).toMatch(/ tail --lines 20 --follow=name --retry \/var\/log\/haproxy\/access\.log$/);
  });
});

describe("a command in a container", () => {
  it("reads this program's input, has all its words, and ends as it ends", async () => {
    const script = 'read -r line; printf "%s|" "$line" "$@"; exit 7';
    const words = shellWords("veza-lab", place, ["sh", "-c", script, "sh", "two words", "$HOME"], false);
    expect(await run(words, "said\n")).toMatchObject({ exitCode: 7, stdout: "said|two words|$HOME|" });
  });

  it("is ended by a signal that only the shell around it hears", async () => {
    const running = run(shellWords("veza-lab", place, ["sh", "-c", "echo on; exec sleep 30"], false), "");
    running.stdout.once("data", () => running.kill("SIGINT"));
    expect(await running).toMatchObject({ timedOut: false, stdout: "on", exitCode: 130 });
  });

  it("has the terminal to itself where there is one", () => {
    expect(shellWords("veza-lab", place, ["top"], true).slice(-3)).toEqual([
      "--mode=interactive",
      "--",
      "top",
    ]);
    expect(shellWords("veza-lab", place, [], true).slice(-2)).toEqual(["bash", "--login"]);
  });
});
