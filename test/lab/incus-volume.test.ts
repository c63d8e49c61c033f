import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { Container } from "../../src/incus/container.ts";
import { Volume } from "../../src/incus/volume.ts";
import { converge } from "../../src/ops/converge/index.ts";
import { removeProjects } from "../../tools/machine/projects.ts";
import { documentsOf, say } from "./incus-lab.ts";
import { IncusProject } from "./support/incus.ts";

const name = "veza-test-incus-volume";
const container = "incus-test-volume";
const project = new IncusProject(name);

interface Choices {
  /** Another address makes the container anew. */
  readonly address?: string;
  readonly keep?: boolean;
  readonly sizeGiB?: number;
  readonly mounted?: "no" | "yes" | "read-only" | "elsewhere";
}

/** A stack of one container with one volume. */
const stack = (choices: Choices = {}): Promise<ReadonlyMap<string, string>> =>
  documentsOf(name, (project, image) => {
    const { address = "10.77.0.111", keep = true, sizeGiB, mounted = "yes" } = choices;
    const volume = new Volume("volume", { project, volume: "acme", keep, sizeGiB });
    const path = mounted === "elsewhere" ? "/srv/acme" : "/var/lib/acme";
    const volumes = mounted === "no" ? [] : [{ volume, path, readOnly: mounted === "read-only" }];
    new Container("container", { project, image, spec: { name: container, address, volumes } });
  });

async function incus(...words: readonly string[]): Promise<string> {
  const { stdout } = await execa("incus", [...words, "--project", name], {
    stdin: "ignore",
    timeout: 60_000,
  });
  return stdout;
}

const volumes = async (): Promise<readonly string[]> =>
  (await incus("storage", "volume", "list", "default", "--format", "csv", "--columns", "tn"))
    .split("\n")
    .flatMap((line) => (line.startsWith("custom,") ? [line.slice("custom,".length)] : []));
const shell = (line: string): Promise<string> => project.shell(container, line);
const well = { status: 0, text: "" };

beforeAll(async () => {
  await removeProjects([name]);
  const documents = await stack();
  for (const one of ["image-build", "project-create", "volume-create", "container-create"])
    expect(await say(documents.get(one))).toEqual(well);
}, 300_000);

afterAll(() => removeProjects([name]), 60_000);

describe("a volume", () => {
  it("keeps its files, and whose they are, when its container is made anew", async () => {
    await shell(
      "cd /var/lib/acme && echo key >account && chmod 0600 account && touch theirs && chown games:mail theirs",
    );
    const before = await project.createdAt(container);
    const [old, anew] = [await stack(), await stack({ address: "10.77.0.112" })];
    expect(await say(old.get("container-create"), "delete")).toEqual(well);
    expect(await say(anew.get("volume-create"))).toEqual(well);
    expect(await say(anew.get("container-create"))).toEqual(well);
    expect(await project.createdAt(container)).not.toBe(before);
    expect(await shell("cd /var/lib/acme && stat -c '%n %a %U:%G' account theirs && cat account")).toBe(
      "account 600 root:root\ntheirs 644 games:mail\nkey",
    );
    await shell("echo more >>/var/lib/acme/account");
  }, 60_000);

  it("comes, moves and goes while its container runs", async () => {
    const before = await project.createdAt(container);
    const address = "10.77.0.112";
    const apply = async (mounted: Choices["mounted"]): Promise<void> => {
      const documents = await stack({ address, ...(mounted === undefined ? {} : { mounted }) });
      expect(await say(documents.get("container-create"))).toEqual(well);
    };
    await apply("no");
    expect(await shell("mountpoint -q /var/lib/acme && echo yes || echo no")).toBe("no");
    await apply("elsewhere");
    expect(await shell("cat /srv/acme/account; mountpoint -q /var/lib/acme || echo not there")).toBe(
      "key\nmore\nnot there",
    );
    await apply("read-only");
    expect(await shell("cat /var/lib/acme/account; touch /var/lib/acme/x 2>/dev/null || echo refused")).toBe(
      "key\nmore\nrefused",
    );
    await apply("yes");
    await shell("touch /var/lib/acme/x && rm /var/lib/acme/x");
    expect(await project.createdAt(container)).toBe(before);
  }, 60_000);

  it("changes its size and what becomes of it, and is else left alone", async () => {
    const remembered = async (key: string): Promise<string> =>
      incus("storage", "volume", "get", "default", "acme", key);
    expect(await remembered("user.veza.volume")).toBe("keep");
    expect(await say((await stack({ sizeGiB: 2, keep: false })).get("volume-create"))).toEqual(well);
    expect([await remembered("size"), await remembered("user.veza.volume")]).toEqual(["2GiB", "remove 2GiB"]);
    expect(await say((await stack()).get("volume-create"))).toEqual(well);
    expect([await remembered("size"), await remembered("user.veza.volume")]).toEqual(["", "keep"]);
    expect(await shell("cat /var/lib/acme/account")).toBe("key\nmore");
  });

  it("is not removed from under a container, and the message says where to look", async () => {
    const said = await say((await stack({ keep: false })).get("volume-create"), "delete");
    expect(said.status).toBe(1);
    expect(said.text).toContain("incus storage volume info default acme");
    expect(await volumes()).toEqual(["acme"]);
  });

  it("is made again by the next update, in its container, when somebody removed it", async () => {
    const documents = await stack({ address: "10.77.0.112" });
    const resources = ["project-create", "volume-create", "container-create"].map((one) => ({
      urn: `urn:pulumi:lab::veza-edge::command:local:Command::${one}`,
      type: "command:local:Command",
      inputs: {
        create: "timeout --kill-after=5 60 bash -euo pipefail -s apply",
        stdin: documents.get(one),
      },
    }));
    const state = {
      exportedState: { deployment: { resources } },
      directory: "/",
      hosts: { main: { connection: "local" } },
    } as const;
    await incus("project", "set", name, "user.veza.update=");
    const told: string[] = [];
    const look = async (): Promise<void> =>
      expect((await converge(state, (line) => told.push(line.trim()))).problems).toEqual([]);
    await look();
    expect(told).toEqual([]);
    await incus("config", "device", "remove", container, "volume-acme");
    await incus("storage", "volume", "delete", "default", "acme");
    await incus("project", "set", name, "user.veza.update=");
    await look();
    expect(told).toEqual([
      "applying volume acme again: it is not what the stack's state says",
      `applying container ${container} again: it is not what the stack's state says`,
    ]);
    expect(await shell("mountpoint /var/lib/acme && ls /var/lib/acme")).toBe("/var/lib/acme is a mountpoint");
    await shell("echo new >/var/lib/acme/account");
  }, 60_000);

  it("of somebody else is not taken over, unless it is handed over", async () => {
    await incus("storage", "volume", "unset", "default", "acme", "user.veza.volume");
    const documents = await stack();
    const said = await say(documents.get("volume-create"));
    expect(said.status).toBe(1);
    expect(said.text).toContain("was not made by this program");
    const command = /incus (storage volume set .*) --project/.exec(said.text)?.[1] ?? "";
    await incus(...command.split(" "));
    expect(await say(documents.get("volume-create"))).toEqual(well);
    expect(await shell("cat /var/lib/acme/account")).toBe("new");
  });
});

describe("what is left of a stack that is destroyed", () => {
  it("is a volume that is to be kept, with its project, and both are taken over again", async () => {
    const documents = await stack({ address: "10.77.0.112" });
    expect(await say(documents.get("container-create"), "delete")).toEqual(well);
    const kept = await say(documents.get("volume-create"), "delete");
    expect(kept.status).toBe(0);
    expect(kept.text).toContain(`incus storage volume delete default acme --project ${name}`);
    const left = await say(documents.get("project-create"), "delete");
    expect(left.status).toBe(0);
    expect(left.text).toContain("default/acme");
    expect(await volumes()).toEqual(["acme"]);
    expect(await incus("project", "get", name, "user.veza.update")).toBe("");
    for (const one of ["project-create", "volume-create", "container-create"])
      expect(await say(documents.get(one))).toEqual(well);
    expect(await shell("cat /var/lib/acme/account")).toBe("new");
    expect(await incus("project", "get", name, "user.veza.update")).toMatch(/^running \S+Z$/);
  }, 60_000);

  it("is nothing of a volume that is not, also when it was gone before", async () => {
    const documents = await stack({ address: "10.77.0.112", keep: false });
    expect(await say(documents.get("volume-create"))).toEqual(well);
    expect(await say(documents.get("container-create"), "delete")).toEqual(well);
    expect(await say(documents.get("volume-create"), "delete")).toEqual(well);
    expect(await say(documents.get("volume-create"), "delete")).toEqual(well);
    expect(await volumes()).toEqual([]);
  });

  it("is not a volume that the state never came to know, but one that somebody else made", async () => {
    const documents = await stack({ keep: false });
    expect(await say(documents.get("volume-create"))).toEqual(well);
    await incus("storage", "volume", "create", "default", "somebodys");
    const refused = await say(documents.get("project-create"), "delete");
    expect(refused.status).toBe(1);
    expect(refused.text).toContain("volumes that are not this stack's: default/somebodys");
    await incus("storage", "volume", "delete", "default", "somebodys");
    expect((await say(documents.get("project-create"), "delete")).status).toBe(0);
    expect(await project.exists()).toBe(false);
  });
});

it("a project is removed from a machine with volumes that its containers still have", async () => {
  const documents = await stack();
  for (const one of ["project-create", "volume-create", "container-create"])
    expect(await say(documents.get(one))).toEqual(well);
  await removeProjects([name]);
  expect(await project.exists()).toBe(false);
}, 60_000);
