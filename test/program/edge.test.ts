import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { bundleStandIns } from "../../lab/bundle.ts";
import { readStackFile } from "../../src/config/stack-file.ts";
import {
  containerOf,
  documents,
  registered,
  withoutLetsencrypt,
  type Registered,
} from "./support/registered.ts";

const repository = new URL("../../", import.meta.url);
const stacks = ["lab", "staging", "prod"] as const;

const pem = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const secretLine = pem.split("\n")[1] ?? "";
const directory = mkdtempSync(join(tmpdir(), "veza-program-"));
const certificate = join(directory, "edge.pem");

beforeAll(async () => {
  writeFileSync(certificate, pem);
  // The lab's stack file names them, and the program looks at them.
  await bundleStandIns(new URL("dist/lab", repository).pathname);
}, 30_000);
afterAll(() => rmSync(directory, { recursive: true }));

/** A stack's file, but for a certificate that it brings itself instead of having one issued. */
function withOwnCertificate(stack: string): Record<string, unknown> {
  const config = withoutLetsencrypt(readStackFile(stack, repository));
  const loadBalancer = config["veza-edge:loadBalancer"] as object;
  return { ...config, "veza-edge:loadBalancer": { ...loadBalancer, tls: { certificate } } };
}

/** Steps with keys and certificates that the stack's own state holds. */
const madeFromKeys = /^(letsencrypt-(placeholders|ca)|pebble-tls)-apply$/;

const programs = new Map<string, readonly Registered[]>();

/** All that the program registers for a stack of this repository. */
async function program(stack: string, preview = true): Promise<readonly Registered[]> {
  const key = `${stack} ${String(preview)}`;
  const all = programs.get(key) ?? (await registered(stack, readStackFile(stack, repository), { preview }));
  programs.set(key, all);
  return all;
}

/** Names of all that has to be done before a resource, however many steps before. */
function waitsFor(all: readonly Registered[], name: string): ReadonlySet<string> {
  const before = all.find((one) => one.name === name)?.after ?? [];
  return new Set(before.flatMap((one) => [one, ...waitsFor(all, one)]));
}

function commands(resources: readonly Registered[]): readonly Registered[] {
  return resources.filter(({ type }) => /^command:(local|remote):Command$/.test(type));
}

describe.each(stacks)("the program of %s", (stack) => {
  it("has nothing in a preview that waits for a host", async () => {
    const all = await program(stack);
    expect(commands(all).length).toBeGreaterThan(10);
    for (const { name, type, unknown } of all) {
      // Keys are made by the first update, and what they are for goes to a container in steps of their own.
      if (type.startsWith("tls:") || madeFromKeys.test(name)) continue;
      expect({ name, unknown }).toEqual({ name, unknown: [] });
    }
    const known = commands(all).filter(({ name }) => !madeFromKeys.test(name));
    for (const { inputs } of known) expect(inputs["stdin"]).toMatch(/\nmain "\$@"\n$/);
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
      // Nothing is taken away for a program that was only run.
      if (unit.inputs["delete"] !== undefined) expect(unit.deletedWith).toBe(container?.name);
      expect(unit.after).toContain(container?.name);
    }
  });

  it("changes instances one after the other, and tells the load balancer last", async () => {
    const all = await program(stack);
    for (const fleet of ["backend-api", "stream-server"]) {
      expect(waitsFor(all, `${fleet}-2-container-create`)).toContain(`${fleet}-1-rollout-apply`);
      expect(waitsFor(all, `${fleet}-1-rollout-apply`)).not.toContain(`${fleet}-2-rollout-apply`);
    }
    const instances = ["backend-api-1", "backend-api-2", "stream-server-1", "stream-server-2"];
    expect([...waitsFor(all, "haproxy-config-apply")]).toEqual(
      expect.arrayContaining(instances.map((name) => `${name}-rollout-apply`)),
    );
  });
});

describe("a stack that has nothing yet", () => {
  it("has all containers made at once, and what is in them brought there in the same order", async () => {
    const config = readStackFile("lab", repository);
    const all = await registered("lab", config, { isNew: true });
    const containers = all.filter(({ name }) => name.endsWith("-container-create"));
    expect(containers).toHaveLength(9);
    for (const { name } of containers)
      expect([...waitsFor(all, name)].filter((one) => /-(apply|run)$/.test(one))).toEqual([]);
    expect(waitsFor(all, "postgres-2-bootstrap-run")).toContain("postgres-1-bootstrap-run");
    expect(waitsFor(all, "backend-api-1-rollout-apply")).toContain("postgres-2-bootstrap-run");
    expect(waitsFor(all, "backend-api-2-rollout-apply")).toContain("backend-api-1-rollout-apply");
    expect(waitsFor(all, "stream-server-2-rollout-apply")).toContain("stream-server-1-rollout-apply");
    expect([...waitsFor(all, "haproxy-config-apply")]).toEqual(
      expect.arrayContaining(["backend-api-2-rollout-apply", "stream-server-2-rollout-apply"]),
    );
    expect(documents(all)).toEqual(documents(await program("lab")));
  });
});

describe("certificates from a CA", () => {
  it("are asked for last: when every name leads to a load balancer that answers the CA", async () => {
    const all = await program("lab");
    const before = waitsFor(all, "letsencrypt-issue-run");
    expect([...before]).toEqual(expect.arrayContaining(["haproxy-config-apply", "pebble-files-apply"]));
    const config = waitsFor(all, "haproxy-config-apply");
    expect([...config]).toEqual(
      expect.arrayContaining(["letsencrypt-files-apply", "letsencrypt-placeholders-apply"]),
    );
    expect([...config]).not.toContain("letsencrypt-issue-run");
    const unit = all.find(({ name }) => name === "letsencrypt-placeholders-apply");
    expect(unit?.after).toContain("letsencrypt-files-apply");
  });

  it("are asked for again when the names change, and when another CA is to issue them", async () => {
    const config = readStackFile("prod", repository);
    const issue = async (letsencrypt: object) => {
      const changed = { ...(config["veza-edge:letsencrypt"] as object), ...letsencrypt };
      const all = await registered("prod", { ...config, "veza-edge:letsencrypt": changed });
      return documents(all).get("letsencrypt-issue-run");
    };
    const before = await issue({});
    expect(before).toContain("ecdsa veza.fr www.veza.fr, ecdsa talas.fr www.talas.fr");
    expect(await issue({ certificates: [{ names: ["veza.fr"] }] })).not.toBe(before);
    expect(await issue({ directory: "https://ca.example/dir" })).not.toBe(before);
    expect(await issue({ keyType: "rsa" })).not.toBe(before);
    expect(await issue({ renewal: { schedule: "hourly" } })).toBe(before);
  });

  it("come from a private CA that is believed by the root in the config, which a preview shows", async () => {
    const config = readStackFile("prod", repository);
    const example = parse(readFileSync(new URL("docs/Pulumi.example.yaml", repository), "utf8"), {
      merge: true,
    }) as { config: Record<string, { caCertificate: string }> };
    const caCertificate = example.config["veza-edge:letsencrypt"]?.caCertificate ?? "";
    const letsencrypt = { ...(config["veza-edge:letsencrypt"] as object), caCertificate };
    const all = await registered("prod", { ...config, "veza-edge:letsencrypt": letsencrypt });
    expect(documents(all).get("letsencrypt-ca-apply")).toContain(caCertificate);
    expect(documents(all).get("letsencrypt-files-apply")).toContain(
      "--cacert /usr/local/etc/tls/acme-ca.pem",
    );
    expect(waitsFor(all, "letsencrypt-files-apply")).toContain("letsencrypt-ca-apply");
    expect(documents(await program("prod")).get("letsencrypt-files-apply")).not.toContain("--cacert");
  });

  it("outlive the load balancer's container, and the stack where its volumes are kept", async () => {
    const volumeOf = async (stack: string) => {
      const all = await program(stack);
      expect(waitsFor(all, "haproxy-container-create")).toContain("haproxy-acme");
      return String(all.find(({ name }) => name === "haproxy-acme-create")?.inputs["stdin"]);
    };
    expect(await volumeOf("prod")).toMatch(/^KEEP='keep'$/m);
    expect(await volumeOf("staging")).toMatch(/^KEEP='keep'$/m);
    expect(await volumeOf("lab")).toMatch(/^KEEP='remove'$/m);
  });

  it("have placeholders whose keys are secret and whose steps are no part of anything reviewable", async () => {
    const all = await program("prod", false);
    const holders = commands(all).filter(({ inputs }) =>
      String(inputs["stdin"]).includes("key of letsencrypt"),
    );
    expect(holders.map(({ name }) => name)).toEqual(["letsencrypt-placeholders-apply"]);
    expect(holders[0]?.secret).toContain("stdin");
    expect(holders[0]?.inputs["logging"]).toBe("none");
    const made = all.filter(({ type }) => type === "tls:index/selfSignedCert:SelfSignedCert");
    expect(made.map(({ inputs }) => inputs["dnsNames"])).toEqual([
      ["veza.fr", "www.veza.fr"],
      ["talas.fr", "www.talas.fr"],
    ]);
    expect(made.map(({ inputs }) => inputs["subject"])).toEqual(
      ["veza.fr", "talas.fr"].map((commonName) => ({ commonName, organization: "veza-edge placeholder" })),
    );
  });
});

describe("what a reviewer reads first", () => {
  it("is what the step is about: its parameters and files, the machinery after them", async () => {
    const document = documents(await program("lab")).get("backend-api-1-rollout-apply") ?? "";
    const files = document.indexOf("declare_files() {");
    const machinery = document.indexOf("follow_up() {");
    expect(files).toBeGreaterThan(0);
    expect(machinery).toBeGreaterThan(files);
    const parameters = document.slice(0, files).replace(/[0-9a-f]{64}/g, "SHA256");
    expect(parameters).toMatchInlineSnapshot(`
      "PROJECT='veza-lab'
      CONTAINER='backend-api-1'
      UNIT='application'
      LIMIT='435'
      PUSH_FROM='/var/lib/veza/artifacts/veza-lab/backend-api-artifact-main/SHA256'
      PUSH_TO='/var/lib/veza/artifacts/SHA256'
      IFS= read -r -d '' BODY <<'END_OF_BODY' || :
      UNIT='application'
      APP='backend-api'
      INSTANCE='backend-api-1'
      ADDRESS='10.77.0.21'
      PORT='8080'
      HEALTH_PATH='/api/v1/health'
      POOL='api_pool'
      LOAD_BALANCERS='10.77.0.10:9100'
      ARTIFACT_NAME='backend-api.mjs'
      ARTIFACT_SHA256='SHA256'
      ARTIFACT_SOURCE='/var/lib/veza/artifacts/SHA256'
      DRAIN_SECONDS='5'
      HEALTH_SECONDS='60'
      DOWNLOAD_SECONDS='300'
      KEEP_RELEASES='3'
      SECRETS='/etc/veza/backend-api.secret.env'
      CONTAINER_GENERATION='260281f985f12f31'
      "
    `);
    const listed = document.slice(files, machinery).match(/^(user|directory|file) .*$/gm);
    expect(listed?.join("\n")).toMatchInlineSnapshot(`
      "user 'veza-api' '/opt/veza/backend-api'
      user 'veza-agent' '/run/veza'
      directory '/etc/veza' '0750' 'root:root'
      directory '/opt/veza/backend-api' '0755' 'root:root'
      file '/etc/systemd/system/backend-api.service' '0644' 'root:root' <<'END_OF_FILE'
      file '/etc/veza/backend-api.env' '0640' 'root:root' <<'END_OF_FILE'
      file '/etc/systemd/system/veza-agent.service' '0644' 'root:root' <<'END_OF_FILE'
      file '/usr/local/lib/veza/agent' '0755' 'root:root' <<'END_OF_FILE'
      file '/usr/local/lib/veza/leave' '0755' 'root:root' <<'END_OF_FILE'"
    `);
  });
});

describe("secrets", () => {
  /** Everything that is not marked as secret. */
  function inClear(resources: readonly Registered[]): string {
    return JSON.stringify(
      resources.map(({ inputs, secret }) =>
        Object.fromEntries(Object.entries(inputs).filter(([key]) => !secret.includes(key))),
      ),
    );
  }

  it("of a certificate are in one secret document, of which nothing is printed or kept in clear", async () => {
    const all = await registered("staging", withOwnCertificate("staging"));
    const holders = commands(all).filter(({ inputs }) => String(inputs["stdin"]).includes(secretLine));
    expect(holders.map(({ inputs }) => inputs["logging"])).toEqual(["none"]);
    expect(holders[0]?.secret).toContain("stdin");
    expect(holders[0]?.secretOutputs).toEqual(expect.arrayContaining(["stdout", "stderr"]));
    expect(inClear(all)).not.toContain(secretLine);
    // Reviewable all the same: a new certificate is a new configuration, by its fingerprint.
    const push = all.find(({ name }) => name === "haproxy-config-apply");
    expect(push?.secret).not.toContain("stdin");
    expect(push?.after).toEqual(expect.arrayContaining(holders.map(({ name }) => name)));
  });

  it("for hosts are secret wherever they are needed", async () => {
    const all = await registered("staging", readStackFile("staging", repository), {
      sshPrivateKey: `${pem}# key`,
    });
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
      { numRuns: 6 },
    );
  }, 60_000);
});
