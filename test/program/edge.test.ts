import { beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleStandIns } from "../../lab/bundle.ts";
import { readStackFile } from "../../src/config/stack-file.ts";
import { containerOf, documents, registered, type Registered } from "./support/registered.ts";

const repository = new URL("../../", import.meta.url);
const stacks = ["lab", "staging", "prod"] as const;

// The lab's stack file names them, and the program looks at them.
beforeAll(async () => {
  await bundleStandIns(new URL("dist/lab", repository).pathname);
}, 30_000);

async function program(stack: string, preview = true): Promise<readonly Registered[]> {
  return registered(stack, readStackFile(stack, repository), { preview });
}

function commands(resources: readonly Registered[]): readonly Registered[] {
  return resources.filter(({ type }) => /^command:(local|remote):Command$/.test(type));
}

describe.each(stacks)("the program of %s", (stack) => {
  it("has nothing in a preview that waits for a host", async () => {
    const all = await program(stack);
    expect(commands(all).length).toBeGreaterThan(10);
    for (const { name, unknown, inputs } of all) {
      expect({ name, unknown }).toEqual({ name, unknown: [] });
      if (name.startsWith("command:")) expect(typeof inputs["stdin"]).toBe("string");
    }
  });

  it("says in an update what the preview showed", async () => {
    expect(documents(await program(stack, false))).toEqual(documents(await program(stack, true)));
  });

  it("names every resource once, below its component's name", async () => {
    const all = await program(stack);
    const names = all.map(({ type, name }) => `${type} ${name}`);
    expect(new Set(names).size).toBe(names.length);
    for (const { name, parent } of all) {
      // What stands directly in the edge goes by the operator's own names: hosts, fleets, load balancers.
      if (parent !== undefined && parent !== "edge") expect(name).toMatch(new RegExp(`^${parent}-`));
    }
  });

  it("runs everything with a time limit, reading its script on standard input", async () => {
    for (const { inputs } of commands(await program(stack))) {
      const shell = /^(sudo --non-interactive )?timeout --kill-after=5 \d+ bash -euo pipefail -s/;
      expect(inputs["create"]).toMatch(new RegExp(`${shell.source} apply$`));
      if (inputs["delete"] !== undefined)
        expect(inputs["delete"]).toMatch(new RegExp(`${shell.source} delete$`));
      expect(inputs).toMatchObject({ addPreviousOutputInEnv: false });
      expect(inputs).not.toHaveProperty("environment");
    }
  });

  it("applies what lives in a container again when the container is made anew, and lets it go with it", async () => {
    const all = await program(stack);
    const containers = new Map(
      all.filter(({ name }) => name.endsWith("-container-create")).map((one) => [containerOf(one), one]),
    );
    const inside = commands(all).filter((one) => containerOf(one) !== undefined && !containers.has(one.name));
    const units = inside.filter(({ name }) => !name.endsWith("-container-create"));
    expect(units.length).toBeGreaterThanOrEqual(containers.size);
    for (const container of containers.values()) {
      expect(container.deleteBeforeReplace).toBe(true);
      expect(container.inputs["triggers"]).toHaveLength(1);
    }
    for (const unit of units) {
      const container = containers.get(containerOf(unit));
      expect(unit.inputs["triggers"]).toEqual(container?.inputs["triggers"]);
      expect(unit.deletedWith).toBe(container?.name);
      expect(unit.after).toContain(container?.name);
    }
  });

  it("changes instances one after the other, and tells the load balancer last", async () => {
    const all = await program(stack);
    const rollout = (instance: string): Registered | undefined =>
      all.find(({ name }) => name === `${instance}-rollout-apply`);
    for (const fleet of ["backend-api", "stream-server"]) {
      expect(rollout(`${fleet}-2`)?.after).toContain(`${fleet}-1-rollout-apply`);
      expect(rollout(`${fleet}-1`)?.after).not.toContain(`${fleet}-2-rollout-apply`);
    }
    const push = all.find(({ name }) => name === "haproxy-config-apply");
    const instances = ["backend-api-1", "backend-api-2", "stream-server-1", "stream-server-2"];
    expect(push?.after).toEqual(expect.arrayContaining(instances.map((name) => `${name}-rollout-apply`)));
  });
});

describe("what a reviewer reads first", () => {
  it("is what the step is about: its parameters and files, the machinery after them", async () => {
    const document = documents(await program("lab")).get("backend-api-1-rollout-apply") ?? "";
    const files = document.indexOf("declare_files() {");
    const machinery = document.indexOf("follow_up() {");
    expect(files).toBeGreaterThan(0);
    expect(machinery).toBeGreaterThan(files);
    const about = document.slice(0, machinery).replace(/[0-9a-f]{64}/g, "SHA256");
    expect(about.slice(0, about.lastIndexOf("\n}\n") + 3)).toMatchSnapshot();
  });
});

describe("secrets", () => {
  const pem = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const secretLine = pem.split("\n")[1] ?? "";

  /** Everything that is not marked as secret. */
  function inClear(resources: readonly Registered[]): string {
    return JSON.stringify(
      resources.map(({ inputs, secret }) =>
        Object.fromEntries(Object.entries(inputs).filter(([key]) => !secret.includes(key))),
      ),
    );
  }

  it("of a certificate are in one secret document, of which nothing is printed or kept in clear", async () => {
    const directory = mkdtempSync(join(tmpdir(), "veza-certificate-"));
    try {
      const certificate = join(directory, "edge.pem");
      writeFileSync(certificate, pem);
      const config = readStackFile("staging", repository);
      const loadBalancer = { ...(config["veza-edge:loadBalancer"] as object), tls: { certificate } };
      const all = await registered("staging", { ...config, "veza-edge:loadBalancer": loadBalancer });
      const holders = commands(all).filter(({ inputs }) => String(inputs["stdin"]).includes(secretLine));
      expect(holders).toMatchObject([
        { secret: ["stdin"], inputs: { logging: "none" }, secretOutputs: ["stdout", "stderr"] },
      ]);
      expect(inClear(all)).not.toContain(secretLine);
      // Reviewable all the same: a new certificate is a new configuration, by its fingerprint.
      const push = all.find(({ name }) => name === "haproxy-config-apply");
      expect(push).toMatchObject({ secret: [] });
      expect(push?.after).toEqual(expect.arrayContaining(holders.map(({ name }) => name)));
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it("for hosts are secret wherever they are needed", async () => {
    const config = readStackFile("staging", repository);
    const all = await registered("staging", config, { sshPrivateKey: pem });
    expect(inClear(all)).not.toContain(secretLine);
    expect(JSON.stringify(commands(all).map(({ inputs }) => inputs["connection"]))).toContain(secretLine);
  });
});

describe("another instance", () => {
  function labWith(ids: readonly number[]): Record<string, unknown> {
    const config = readStackFile("lab", repository);
    const fleets = config["veza-edge:fleets"] as Record<string, object>;
    const instances = ids.map((id) => ({ id, address: `10.77.0.${String(20 + id)}` }));
    const api = { ...fleets["backend-api"], instances };
    return {
      ...config,
      "veza-edge:fleets": {
        ...fleets,
        "backend-api": api,
        "stream-server": { ...fleets["stream-server"], instances: [] },
      },
    };
  }

  it("more or less changes nothing but itself and the load balancer's configuration", async () => {
    const ids = fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(ids, async ([changed = 1, ...others]) => {
        const more = documents(await registered("lab", labWith([...others, changed])));
        const less = documents(await registered("lab", labWith(others)));
        const own = new RegExp(`^backend-api-${String(changed)}-`);
        const differing = [...more.keys()].filter(
          (name) => more.get(name) !== less.get(name) && !own.test(name),
        );
        expect(differing).toEqual(["haproxy-config-apply"]);
        expect([...less.keys()].filter((name) => !more.has(name))).toEqual([]);
      }),
      { numRuns: 15 },
    );
  }, 60_000);
});
