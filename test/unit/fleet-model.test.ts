import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { fleetsSchema } from "../../src/config/fleet.ts";
import { fleetModel } from "../../src/fleet/model.ts";
import { rolloutChain } from "../../src/fleet/rollout-chain.ts";

const sha256 = "0123456789abcdef".repeat(4);

function modelOf(ids: readonly number[], changes: Record<string, unknown> = {}) {
  const fleets = fleetsSchema.parse({
    "backend-api": {
      pool: "api_pool",
      port: 8080,
      healthPath: "/api/v1/health",
      user: "veza-api",
      artifact: { url: "https://registry.example/veza/backend-api-1.2.tar.gz?download=1", sha256 },
      instances: ids.map((id) => ({ id, address: `10.77.0.${String(20 + id)}` })),
      ...changes,
    },
  });
  const config = fleets["backend-api"];
  if (config === undefined) throw new Error("the fleet is missing");
  return fleetModel("backend-api", config, () => "f".repeat(64));
}

describe("a fleet", () => {
  it("gives every instance a name, an address and a server of its own, by id", () => {
    const { instances, servers } = modelOf([3, 1]);
    expect(instances.map(({ name, address, after }) => ({ name, address, after }))).toEqual([
      { name: "backend-api-1", address: "10.77.0.21", after: [] },
      { name: "backend-api-3", address: "10.77.0.23", after: ["backend-api-1"] },
    ]);
    expect(servers).toEqual([
      { id: 1, name: "backend-api-1", address: "10.77.0.21", port: 8080, agentPort: 8079 },
      { id: 3, name: "backend-api-3", address: "10.77.0.23", port: 8080, agentPort: 8079 },
    ]);
  });

  it("changes nothing about the others when the second of three is removed, but for whom they wait", () => {
    const without = modelOf([1, 3]);
    const { instances, servers } = modelOf([1, 2, 3]);
    expect(without.servers).toEqual(servers.filter(({ id }) => id !== 2));
    expect(without.instances.map((one) => ({ ...one, after: [] }))).toEqual(
      instances.filter(({ id }) => id !== 2).map((one) => ({ ...one, after: [] })),
    );
  });

  it("runs the program named like the fleet, from an artifact named like its file", () => {
    const { application } = modelOf([1]).instances[0] ?? {};
    expect(application).toMatchObject({
      command: ["/opt/veza/backend-api/current/backend-api"],
      artifact: { name: "backend-api-1.2.tar.gz", sha256, from: { kind: "url" } },
    });
  });

  it("takes a local artifact as it is when the config names no checksum", () => {
    expect(modelOf([1], { artifact: { path: "dist/backend-api" } }).artifact).toEqual({
      sha256: "f".repeat(64),
      name: "backend-api",
      from: { kind: "path", path: "dist/backend-api" },
    });
  });

  it("may be empty", () => {
    expect(modelOf([])).toMatchObject({ instances: [], servers: [] });
  });
});

describe("the order of a roll-out", () => {
  const sizes = fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 8 }));
  const idsUpTo = (count: number) => Array.from({ length: count }, (_, index) => index);

  it("changes no more instances at a time than allowed", () => {
    fc.assert(
      fc.property(sizes, ([count, maxUnavailable]) => {
        const after = rolloutChain(idsUpTo(count), maxUnavailable);
        // Instances that wait for the same ones may be changed together; all others are kept apart.
        const together = Map.groupBy(idsUpTo(count), (id) => after.get(id)?.join());
        for (const batch of together.values()) expect(batch.length).toBeLessThanOrEqual(maxUnavailable);
      }),
    );
  });

  it("reaches every instance, and none whose batch before has not ended", () => {
    fc.assert(
      fc.property(sizes, ([count, maxUnavailable]) => {
        const after = rolloutChain(idsUpTo(count), maxUnavailable);
        expect([...after.keys()]).toEqual(idsUpTo(count));
        for (const [id, waitsFor] of after) {
          for (const other of waitsFor) expect(other).toBeLessThan(id);
          // A failure leaves everything behind it untouched: all of the batch before has to be through.
          expect(waitsFor).toHaveLength(id < maxUnavailable ? 0 : maxUnavailable);
        }
      }),
    );
  });
});
