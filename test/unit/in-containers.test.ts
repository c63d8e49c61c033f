import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HostError } from "../../src/ops/host-shell.ts";
import { inContainers, type Answer, type Limits } from "../../src/ops/in-containers.ts";

/**
 * An Incus whose containers are this machine, because the real one loses what is printed, or is silent, only when it
 * likes. Each is what its name says; what is run in one is counted in a file.
 */
const playedIncus = `#!/bin/bash
if [ "$1" = list ]; then
  [ ! -e "$PLAYED/silent" ] || { echo 'no daemon' >&2; exit 1; }
  for name in runs loses always hangs; do echo "played,$name,RUNNING"; done
  echo played,stopped,STOPPED
  echo other,absent,RUNNING
  exit
fi
echo x >>"$PLAYED/$2"
case $2:$(wc -l <"$PLAYED/$2") in
  loses:1 | always:*) exec bash -euo pipefail -s >/dev/null ;;
  hangs:*) sleep 30 ;;
  stopped:* | absent:*) echo 'Error: not running' >&2; exit 1 ;;
esac
exec bash -euo pipefail -s
`;

let played: string;
const path = process.env["PATH"];
beforeAll(async () => {
  played = await mkdtemp(join(tmpdir(), "veza-incus-"));
  await writeFile(join(played, "incus"), playedIncus);
  await chmod(join(played, "incus"), 0o755);
  process.env["PATH"] = `${played}:${path ?? ""}`;
  process.env["PLAYED"] = played;
});
afterAll(async () => {
  process.env["PATH"] = path;
  await rm(played, { recursive: true });
});

const here = { connection: "local" } as const;
const limits = { eachSeconds: 5, allSeconds: 20 };
async function run(
  containers: readonly string[],
  script: string,
  over: Partial<Limits> = {},
): Promise<readonly Answer[]> {
  const calls = containers.map((container) => ({
    container,
    run: { parameters: { NAME: container }, script: `main() { ${script}\n}\n` },
  }));
  return inContainers(here, "played", calls, { ...limits, ...over });
}
const timesRun = async (container: string): Promise<number> =>
  (await readFile(join(played, container), "utf8")).split("\n").length - 1;

describe("a script in a container", () => {
  it("finds its parameters and nothing on standard input, and is heard with how it ended", async () => {
    const script = "cat; printf '%s\\n\\n=== é' \"$NAME\"; echo why >&2; exit 3";
    expect(await run(["runs"], script)).toEqual([
      {
        container: "runs",
        state: "RUNNING",
        exitCode: 3,
        isWhole: true,
        text: "runs\n\n=== é",
        complaint: "why",
      },
    ]);
    expect(await run(["runs"], "false; echo not reached")).toMatchObject([{ exitCode: 1, text: "" }]);
  });

  it("is run again when Incus lost what it said, and that is known when it goes on", async () => {
    expect(await run(["loses"], "echo here")).toMatchObject([{ isWhole: true, text: "here" }]);
    expect(await run(["always"], "echo here")).toMatchObject([
      { exitCode: 0, isWhole: false, text: "", complaint: "Incus lost what it said" },
    ]);
    expect([await timesRun("loses"), await timesRun("always")]).toEqual([2, 3]);
  });

  it("is run once where that was asked for", async () => {
    const before = await timesRun("always");
    await run(["always"], "echo here", { tries: 1 });
    expect((await timesRun("always")) - before).toBe(1);
  });

  it("does not hide what others say when it hangs, or its container does not run", async () => {
    const said = await run(["hangs", "stopped", "absent", "runs"], "echo here", { eachSeconds: 1 });
    expect(
      said.map(({ container, state, text, complaint }) => [container, state, text || complaint]),
    ).toEqual([
      ["hangs", "RUNNING", "it did not end within 1 s"],
      ["stopped", "STOPPED", "this container is STOPPED. Start it: incus start stopped --project played"],
      ["absent", "", "this container is not there: bin/pulumi up makes it"],
      ["runs", "RUNNING", "here"],
    ]);
  }, 20_000);

  it("waits for its turn where only some run at a time", async () => {
    const script = 'mkdir "$PLAYED/turn"; sleep 0.2; rmdir "$PLAYED/turn"';
    const alone = await run(["runs", "runs", "runs"], script, { atOnce: 1 });
    expect(alone.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0]);
    const together = await run(["runs", "runs", "runs"], script);
    expect(together.filter(({ exitCode }) => exitCode !== 0)).not.toEqual([]);
  });

  it("has no answer where Incus itself does not answer", async () => {
    await writeFile(join(played, "silent"), "");
    const asked = run(["stopped"], "true");
    await expect(asked).rejects.toThrow(HostError);
    await expect(asked).rejects.toThrow(/no daemon\nIncus does not answer on /);
    await rm(join(played, "silent"));
  });
});
