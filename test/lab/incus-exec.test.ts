import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { readScript } from "../../src/shell/read-script.ts";
import { Container } from "../../src/incus/container.ts";
import { hostDocument } from "../../src/incus/document.ts";
import { Exec } from "../../src/incus/exec.ts";
import { removeProjects } from "../../tools/machine/projects.ts";
import { documentsOf, say, type Said } from "./incus-lab.ts";
import { IncusProject } from "./support/incus.ts";
import { until } from "./support/until.ts";

const name = "veza-test-incus-exec";
const container = "incus-test-exec";
const project = new IncusProject(name);

const stack = (command: readonly string[], limitSeconds: number): Promise<ReadonlyMap<string, string>> =>
  documentsOf(name, (where, image) => {
    const made = new Container("container", {
      project: where,
      image,
      spec: { name: container, address: "10.77.0.113" },
    });
    new Exec("program", { container: made, command, limitSeconds, because: { release: "1.2.3" } });
  });

async function run(command: readonly string[], limitSeconds = 20, action = "apply"): Promise<Said> {
  return say((await stack(command, limitSeconds)).get("program-run"), action);
}

beforeAll(async () => {
  await removeProjects([name]);
  const documents = await stack(["true"], 20);
  for (const one of ["image-build", "project-create", "container-create"])
    expect(await say(documents.get(one))).toEqual({ status: 0, text: "" });
}, 300_000);

afterAll(() => removeProjects([name]), 60_000);

describe("a program that is run in a container", () => {
  it("gets its words as they are, and what it prints is seen", async () => {
    const words = ["a b", "", "$HOME", "it's", "*", "-x"];
    const { status, text } = await run(["/usr/bin/printf", "<%s>", ...words]);
    expect({ status, text }).toEqual({ status: 0, text: "<a b><><$HOME><it's><*><-x>" });
  });

  it("says its own last words when it fails, and with which status it did", async () => {
    const said = await run(["sh", "-c", "echo the authority said no >&2; exit 3"]);
    expect(said.status).toBe(1);
    expect(said.text.split("\n")).toEqual([
      "the authority said no",
      expect.stringMatching(
        `^${name}/${container}: 'sh -c .*' failed \\(exit status 3\\); the reason is above`,
      ),
    ]);
  });

  it("is stopped at its limit, which the message names", async () => {
    const began = Date.now();
    const said = await run(["sleep", "60"], 1);
    expect(said.status).toBe(1);
    expect(said.text).toContain("'sleep 60' did not end within its limit of 1 s");
    expect(Date.now() - began).toBeLessThan(10_000);
    expect(await project.shell(container, "cat /proc/[0-9]*/comm | grep -x sleep || echo none")).toBe("none");
  });

  it("leaves nothing behind, and does nothing when its step goes away", async () => {
    expect(await run(["touch", "/root/ran"])).toEqual({ status: 0, text: "" });
    expect(await project.shell(container, "rm /root/ran && echo gone")).toBe("gone");
    expect(await run(["touch", "/root/ran"], 20, "delete")).toEqual({ status: 0, text: "" });
    expect(await project.shell(container, "ls /root/ran 2>/dev/null || echo none")).toBe("none");
  });

  it("waits for what an earlier update started, and keeps nothing else in the container waiting", async () => {
    const slow = run(["sh", "-c", "touch /root/slow; sleep 4; rm /root/slow"]);
    await until("the slow program runs", async () =>
      (await project.shell(container, "ls /root/slow 2>/dev/null || :")).includes("slow"),
    );
    const settle = hostDocument({
      parameters: { PROJECT: name, WAIT: 0 },
      script: readScript(new URL("../../src/ops/converge/", import.meta.url).href, "settle.sh"),
    });
    expect((await say(settle)).text).toContain("processes of an earlier update are still at work");
    const again = await stack(["true"], 20);
    expect(await say(again.get("container-create"))).toEqual({ status: 0, text: "" });
    expect(await project.shell(container, "ls /root/slow")).toBe("/root/slow");
    expect((await run(["test", "!", "-e", "/root/slow"])).status).toBe(0);
    expect((await slow).status).toBe(0);
    expect((await say(settle)).status).toBe(0);
  }, 60_000);

  it("is not run where the container is stopped or not there, and the message says so", async () => {
    await project.stop(container);
    expect((await run(["true"])).text).toContain(
      `this container is STOPPED, so 'true' cannot be run in it. Start it: incus start ${container}`,
    );
    await project.delete(container);
    expect((await run(["true"])).text).toContain("this container is not there");
  });
});
