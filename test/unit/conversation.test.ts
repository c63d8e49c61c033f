import { describe, expect, it } from "@jest/globals";
import { hostDocument } from "../../src/incus/document.ts";
import { converse, type Conversation } from "../../src/ops/conversation.ts";

/** Runs a function that each line names. */
const script = `
echo_it() { printf 'one\\ntwo\\n'; }
sleep_long() { sleep 30; }
break_off() { echo 'it is broken' >&2; exit 3; }
main() {
  local line
  echo end
  while read -r line; do "$line"; echo end; done
}
`;

async function begin(text = script): Promise<Conversation> {
  return converse({ connection: "local" }, hostDocument({ parameters: {}, script: text }), "step", 20);
}

describe("a script that is told line after line", () => {
  it("gives back what each of them printed", async () => {
    const shell = await begin();
    expect(await shell.tell("echo_it")).toBe("one\ntwo");
    expect(await shell.tell("echo_it", 10)).toBe("one\ntwo");
    await shell.end();
  });

  it("says why it ended, and again when it is told more", async () => {
    const shell = await begin();
    await expect(shell.tell("break_off")).rejects.toThrow(/^it is broken$/);
    await expect(shell.tell("echo_it")).rejects.toThrow(/^it is broken$/);
    await shell.end();
  });

  it("says why it did not even begin", async () => {
    await expect(begin("main() { echo 'not today' >&2; exit 1; }\n")).rejects.toThrow(/^not today$/);
    await expect(begin("main() { exit 0; }\n")).rejects.toThrow("it ended without an answer");
  });

  it("is not waited for any longer than was said", async () => {
    const shell = await begin();
    await expect(shell.tell("sleep_long", 0.2)).rejects.toThrow(
      "this machine: 'sleep_long' did not end within 0.2 s, and may still be at work",
    );
    const begun = performance.now();
    await shell.end();
    expect(performance.now() - begun).toBeLessThan(5_000);
  });
});
