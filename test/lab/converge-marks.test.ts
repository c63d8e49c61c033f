import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { hostDocument } from "../../src/incus/document.ts";
import { conclude, converge, type DeployedState } from "../../src/ops/converge/index.ts";
import { processBirth } from "../../src/ops/process-start.ts";
import { removeProjects } from "../../tools/machine/projects.ts";

const [project, second] = ["veza-test-marks", "veza-test-marks-2"];
const since = "2026-01-02T03:04:05.000Z";
/** A process that is another update's, as far as marks go. */
let other: ChildProcess;
let otherOwner: string;

function recorded(name: string, parameters: Readonly<Record<string, string>>, script: string): object {
  return {
    urn: `urn:pulumi:lab::veza-edge::command:local:Command::${name}`,
    type: "command:local:Command",
    inputs: {
      create: "timeout --kill-after=5 60 bash -euo pipefail -s apply",
      stdin: hostDocument({ parameters, script }),
    },
  };
}

function deployed(resources: readonly object[], directory = "/"): DeployedState {
  return {
    exportedState: { deployment: { resources } },
    directory,
    hosts: { main: { connection: "local" } },
  };
}

/** Projects of two stacks in one state: what one of them meets must not disturb the other. */
const stateOf = (...projects: readonly string[]): DeployedState =>
  deployed(projects.map((name) => recorded(name, { PROJECT: name }, "main() { :; }\n")));

const state = stateOf(project);
const silent = (): void => undefined;

async function incus(...words: readonly string[]): Promise<string> {
  const { stdout } = await execa("incus", words, { stdin: "ignore", timeout: 60_000 });
  return stdout;
}

const mark = (name = project) => incus("project", "get", name, "user.veza.update");
const setMark = (text: string, name = project) => incus("project", "set", name, `user.veza.update=${text}`);

beforeAll(async () => {
  await removeProjects([project, second]);
  for (const name of [project, second]) await incus("project", "create", name);
  other = spawn("sleep", ["300"]);
  const pid = other.pid ?? 0;
  otherOwner = `${hostname()}:${String(pid)}:${processBirth(pid) ?? ""}`;
}, 60_000);
afterAll(async () => {
  other.kill();
  await removeProjects([project, second]);
}, 60_000);
beforeEach(() => setMark(""));

describe("the mark of an update on its host", () => {
  it("says that it runs, by whom, and then how it ended", async () => {
    expect((await converge(state, silent)).problems).toEqual([]);
    expect(await mark()).toMatch(
      new RegExp(`^running \\S+Z ${hostname()}:${String(process.pid)}:${processBirth(process.pid) ?? ""}$`),
    );
    await conclude(state, "changed");
    expect(await mark()).toMatch(/^done \S+Z$/);
    await converge(state, silent);
    await conclude(state, "failed");
    expect(await mark()).toMatch(/^failed \S+Z$/);
  });

  it("keeps a second update away while its process lives", async () => {
    await setMark(`running ${since} ${otherOwner}`);
    await expect(converge(state, silent)).rejects.toThrow(
      `process ${String(other.pid)} on ${hostname()}, has been marked as running on this machine since ${since}`,
    );
    expect(await mark()).toBe(`running ${since} ${otherOwner}`);
  });

  it.each([
    ["is gone", () => `${hostname()}:4194304:0.1`],
    ["has its number from a process that is gone", () => otherOwner.replace(/[^.]*$/, "1")],
  ])("keeps nobody away when its process %s", async (_what, owner) => {
    await setMark(`running ${since} ${owner()}`);
    expect((await converge(state, silent)).problems).toEqual([]);
    expect(await mark()).toContain(`${hostname()}:${String(process.pid)}:`);
    await conclude(state, "changed");
    expect(await mark()).toMatch(/^done /);
  });

  it("is believed when it is of another machine", async () => {
    await setMark(`running ${since} not-${hostname()}:1:0.1`);
    await expect(converge(state, silent)).rejects.toThrow(`process 1 on not-${hostname()}`);
  });

  it.each(["changed", "same", "failed"] as const)(
    "of another update stays when this one ends (%s)",
    async (end) => {
      await setMark(`running ${since} ${otherOwner}`);
      await conclude(state, end);
      expect(await mark()).toBe(`running ${since} ${otherOwner}`);
    },
  );

  it("says how the first update ended, which made the project and could not be told by whom", async () => {
    await setMark(`running ${since}`);
    await conclude(state, "changed");
    expect(await mark()).toMatch(/^done \S+Z$/);
  });

  it("is as it was, everywhere, when the update cannot begin somewhere", async () => {
    await setMark(`failed ${since}`);
    await setMark(`running ${since} ${otherOwner}`, second);
    await expect(converge(stateOf(project, second), silent)).rejects.toThrow("Wait for it");
    expect(await mark()).toBe(`failed ${since}`);
    await setMark("", second);
  });

  it("is set by one of many that begin at the same time", async () => {
    const begin = `
      import { converge } from "./src/ops/converge/index.ts";
      await converge(${JSON.stringify(state)}, () => undefined);
      console.log("began");
      await new Promise((end) => setTimeout(end, 8_000));`;
    const runs = await Promise.all(
      [1, 2, 3].map(() =>
        execa(process.execPath, ["--no-warnings", "--input-type=module-typescript", "-e", begin], {
          cwd: new URL("../..", import.meta.url),
          env: { NODE_OPTIONS: "" },
          reject: false,
          timeout: 60_000,
        }),
      ),
    );
    const refused = runs.filter(({ failed }) => failed);
    expect(runs.filter(({ stdout }) => stdout === "began")).toHaveLength(1);
    expect(refused.map(({ stderr }) => stderr.includes("has been marked as running"))).toEqual([true, true]);
  }, 70_000);
});

describe("what is said again", () => {
  it("finds files by paths relative to the project, wherever the update was called", async () => {
    const directory = await mkdtemp(join(tmpdir(), "veza-project-"));
    await writeFile(join(directory, "artifact"), "");
    const missing = { PROJECT: project, CONTAINER: "a", GENERATION: "g", DEFINITION: "{}" };
    const commands = [
      recorded("artifact", { PROJECT: project, SOURCE: "artifact" }, 'main() { ls "$SOURCE" >&2; }\n'),
      recorded("a", missing, "main() { :; }\n"),
    ];
    expect((await converge(deployed(commands, directory), silent)).problems).toEqual([]);
    await conclude(deployed(commands), "failed");
    expect((await converge(deployed(commands, "/"), silent)).problems).toEqual([
      expect.stringMatching(/^artifact: .*'artifact'/),
    ]);
    await rm(directory, { recursive: true });
  });
});
