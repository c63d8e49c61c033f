import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { loadConfig } from "../../src/config/load.ts";
import type { Problem } from "../../src/config/problem.ts";
import { readStackFile } from "../../src/config/stack-file.ts";
import { problemsOf as problemsIn } from "./support/mistakes.ts";

const repository = new URL("../../", import.meta.url);

/** A small stack without mistakes, as its file has it. */
function stackFile() {
  return {
    "veza-edge:hosts": { main: { connection: "local" } } as Record<string, unknown>,
    "veza-edge:network": { gateway: "10.77.0.1/24" },
    "veza-edge:loadBalancer": {
      instances: [{ address: "10.77.0.10", publish: [{ http: 8080 }] }] as Record<string, unknown>[],
      extraConfig: {},
      timeouts: {},
      staticServers: {},
    },
    "veza-edge:fleets": {
      "backend-api": {
        pool: "api_pool",
        port: 8080,
        healthPath: "/api/v1/health",
        user: "veza-api",
        artifact: { path: "dist/lab/backend-api.mjs" } as Record<string, unknown>,
        instances: [
          { id: 1, address: "10.77.0.21" },
          { id: 2, address: "10.77.0.22" },
        ] as Record<string, unknown>[],
      },
      "stream-server": {
        pool: "stream_pool",
        port: 8082,
        healthPath: "/health",
        user: "veza-stream",
        artifact: { path: "dist/lab/stream-server.mjs" } as Record<string, unknown>,
        instances: [{ id: 1, address: "10.77.0.31" }] as Record<string, unknown>[],
      },
    },
  };
}

const overSsh = (changes: Record<string, unknown> = {}): Record<string, unknown> => ({
  connection: "ssh",
  address: "host.example",
  hostKey: "ssh-ed25519 AAAA",
  ...changes,
});

const problemsOf = (config: Record<string, unknown>): readonly Problem[] => problemsIn("lab", config);

describe("the stack files of this repository", () => {
  it.each(["lab", "staging", "prod"])("%s has no mistake", (stack) => {
    expect(() => loadConfig(stack, readStackFile(stack, repository))).not.toThrow();
  });
});

describe("a stack file with mistakes", () => {
  it("gets all of them told at once, each with its path in the YAML and what to do", () => {
    const config = stackFile();
    const { "backend-api": api, "stream-server": stream } = config["veza-edge:fleets"];
    Object.assign(config["veza-edge:loadBalancer"], { extraconfig: {} });
    Object.assign(config["veza-edge:loadBalancer"].timeouts, { connectMs: 0 });
    Object.assign(api, { port: 70_000 });
    api.artifact = { url: "https://example.org/a.tar.gz" };
    api.instances.push({ id: 1, address: "10.77.0.23" });
    stream.instances.push({ id: 2, address: "10.77.0.21" }, { id: 3, address: "10.78.0.33", host: "other" });
    config["veza-edge:loadBalancer"].instances.push({
      name: "lb-2",
      address: "10.77.0.1",
      publish: [{ http: 8080 }],
    });
    expect(() => loadConfig("lab", config)).toThrowErrorMatchingInlineSnapshot(`
      "Pulumi.lab.yaml has 10 mistakes; nothing was changed.
        veza-edge:loadBalancer.timeouts.connectMs
          must be at least 10
        veza-edge:loadBalancer.extraconfig
          this key is not known
          → check its spelling and indentation; docs/Pulumi.example.yaml shows every key
        veza-edge:fleets.backend-api.port
          must be at most 65535
        veza-edge:fleets.backend-api.artifact.sha256
          is needed with url: nothing else says what may be started
        veza-edge:fleets.backend-api.instances[2].id
          id 1 is that of instances[0] already
        veza-edge:loadBalancer.instances[1].address
          10.77.0.1 is the bridge's own address
          → give the container another address
        veza-edge:fleets.stream-server.instances[2].address
          10.78.0.33 is outside the network 10.77.0.1/24
          → take an address of veza-edge:network's subnet, or change network.gateway
        veza-edge:fleets.stream-server.instances[1].address
          10.77.0.21 is also the address of backend-api-1 (veza-edge:fleets.backend-api.instances[0].address)
          → every container has an address of its own
        veza-edge:fleets.stream-server.instances[2].host
          there is no host 'other'
          → veza-edge:hosts has: main
        veza-edge:loadBalancer.instances[1].publish[0].http
          127.0.0.1:8080 is published already (veza-edge:loadBalancer.instances[0].publish[0].http)
          → a port of the host leads to one place: take another port or address"
    `);
  });

  it("is told every mistake once", () => {
    const config = stackFile();
    config["veza-edge:fleets"]["backend-api"].instances.push({ id: 2, address: "10.77.0.22" });
    expect(problemsOf(config).map(({ path }) => path)).toEqual([
      "veza-edge:fleets.backend-api.instances[2].id",
      "veza-edge:fleets.backend-api.instances[2].address",
    ]);
  });

  it("is told about ports that two load balancers of one host publish", () => {
    const config = stackFile();
    const { instances } = config["veza-edge:loadBalancer"];
    instances.push({ name: "second", address: "10.77.0.11", publish: [{ address: "0.0.0.0", http: 8080 }] });
    expect(problemsOf(config)).toEqual([
      {
        path: "veza-edge:loadBalancer.instances[1].publish[0].http",
        message: "0.0.0.0:8080 is published already (veza-edge:loadBalancer.instances[0].publish[0].http)",
        hint: "a port of the host leads to one place: take another port or address",
      },
    ]);
    config["veza-edge:hosts"]["other"] = overSsh();
    for (const [n, host] of ["main", "other"].entries()) Object.assign(instances[n] ?? {}, { host });
    for (const fleet of Object.values(config["veza-edge:fleets"])) fleet.instances = [];
    expect(problemsOf(config)).toEqual([]);
  });

  it.each([
    ["10.77.0.0/24", "10.77.0.0", "network itself"],
    ["10.77.0.0/24", "10.77.0.255", "broadcast"],
    ["10.77.0.0/23", "10.77.1.255", "broadcast"],
    ["10.77.0.0/23", "10.77.0.255", undefined],
    ["10.77.0.0/23", "10.77.1.0", undefined],
    ["10.77.0.64/26", "10.77.0.64", "network itself"],
  ])("in %s is told about the address %s that no machine can have", (network, address, names) => {
    const config = stackFile();
    const length = network.split("/")[1] ?? "";
    config["veza-edge:network"].gateway =
      `${network === "10.77.0.64/26" ? "10.77.0.65" : "10.77.0.1"}/${length}`;
    const { "backend-api": api } = config["veza-edge:fleets"];
    api.instances = [{ id: 1, address }];
    const said = problemsOf(config).filter(({ path }) => path.includes("backend-api"));
    expect(said.map(({ message }) => message)).toEqual(
      names === undefined ? [] : [expect.stringContaining(`which names the ${names}`)],
    );
  });

  it("is told about machines that are listed twice", () => {
    const config = stackFile();
    Object.assign(config["veza-edge:hosts"], {
      again: { connection: "local" },
      a: overSsh(),
      b: overSsh({ hostKey: "ssh-ed25519 BBBB" }),
      c: overSsh({ address: "c.example" }),
      d: overSsh({ port: 2222, hostKey: "ssh-ed25519 DDDD" }),
    });
    const said = problemsOf(config).filter(({ path }) => path.startsWith("veza-edge:hosts"));
    expect(said.map(({ path, message }) => `${path} ${message}`)).toEqual([
      "veza-edge:hosts.again this machine is 'main' already",
      "veza-edge:hosts.b.address host.example, port 22, is 'a' already",
      "veza-edge:hosts.c.hostKey is the host key of 'a' too",
    ]);
  });

  it("is told that no load balancer reaches instances on another host", () => {
    const config = stackFile();
    config["veza-edge:hosts"]["other"] = overSsh();
    for (const instance of config["veza-edge:loadBalancer"].instances) instance["host"] = "main";
    const { "backend-api": api, "stream-server": stream } = config["veza-edge:fleets"];
    for (const instance of [...api.instances, ...stream.instances]) instance["host"] = "main";
    expect(problemsOf(config)).toEqual([]);
    Object.assign(api.instances[1] ?? {}, { host: "other" });
    expect(problemsOf(config)).toEqual([
      {
        path: "veza-edge:fleets.backend-api.instances[1].host",
        message:
          "backend-api-2 on other and haproxy on main cannot reach each other: there is no network between the bridges of two hosts yet",
        hint: "place load balancers and what they talk to on one host",
      },
    ]);
    expect(problemsOf({ ...config, "veza-edge:loadBalancer": undefined })).toEqual([]);
  });

  it.each<[string, Record<string, unknown>]>([
    ["nothing at all", {}],
    [
      "rooms of another form",
      { "veza-edge:hosts": 1, "veza-edge:fleets": [], "veza-edge:loadBalancer": "x" },
    ],
    [
      "lists of another form",
      { ...stackFile(), "veza-edge:loadBalancer": { instances: [1, { publish: [2] }] } },
    ],
  ])("is refused with %s", (_what, config) => {
    expect(problemsOf(config).length).toBeGreaterThan(0);
  });

  it("is refused, not stumbled over, whatever stands in it", () => {
    const anything = fc.object({
      key: fc.constantFrom("instances", "address", "publish", "id", "pool", "gateway"),
    });
    fc.assert(
      fc.property(anything, fc.constantFrom("hosts", "network", "loadBalancer"), (value, room) => {
        expect(problemsOf({ ...stackFile(), [`veza-edge:${room}`]: value }).length).toBeGreaterThan(0);
      }),
    );
  });
});

describe("keys that are not the program's rooms", () => {
  it("are let through when they are another project's, or secrets", () => {
    const config = { ...stackFile(), "other:key": 1, "veza-edge:sshPrivateKey": { secure: "v1:…" } };
    expect(problemsOf(config)).toEqual([]);
  });
});
