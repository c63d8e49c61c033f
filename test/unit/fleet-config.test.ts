import { describe, expect, it } from "@jest/globals";
import { fleetsSchema } from "../../src/config/fleet.ts";

const sha256 = "0123456789abcdef".repeat(4);
const api = {
  pool: "api_pool",
  port: 8080,
  healthPath: "/api/v1/health",
  user: "veza-api",
  artifact: { url: "https://registry.example/backend-api", sha256 },
  instances: [
    { id: 1, address: "10.77.0.21" },
    { id: 2, address: "10.77.0.22" },
  ],
};

/** Every mistake as `path: message`. */
function mistakes(fleets: Record<string, unknown>): string[] {
  const { error } = fleetsSchema.safeParse(fleets);
  return (error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`);
}

describe("the config of fleets", () => {
  it("needs no more than what cannot be guessed", () => {
    expect(fleetsSchema.parse({ "backend-api": api })["backend-api"]).toMatchObject({
      drainSeconds: 30,
      healthSeconds: 60,
      maxUnavailable: 1,
      keepReleases: 3,
      environment: {},
    });
  });

  it("reports mistakes of all fleets together, each at its path", () => {
    const environment = { PORT: "1", "A-B": "", TITLE: "bell \u0007", HALF: "\ud800" };
    const found = mistakes({
      "backend-api": { ...api, healthPath: "health", environment, typo: 1 },
      "stream-server": { ...api, pool: "strem_pool", artifact: { url: "ftp://x/y", sha256: "12" } },
    });
    expect(found).toEqual([
      "backend-api.healthPath: must be a plain path such as /health",
      "backend-api.environment.TITLE: must be text; of the control characters only tab and newline are possible",
      "backend-api.environment.HALF: must be text; of the control characters only tab and newline are possible",
      "backend-api.environment.PORT: is set by the fleet itself (INSTANCE and PORT by its instances, SHUTDOWN_SECONDS by drainSeconds)",
      "backend-api.environment.A-B: must be a variable's name: letters, digits and underscores",
      'backend-api: Unrecognized key: "typo"',
      'stream-server.pool: Invalid option: expected one of "api_pool"|"stream_pool"',
      "stream-server.artifact.url: must be an http or https URL",
      "stream-server.artifact.sha256: must be a SHA-256: 64 lower-case hexadecimal digits",
    ]);
  });

  it("refuses an instance listed twice, by id or address", () => {
    const instances = [...api.instances, { id: 1, address: "10.77.0.23" }, { id: 4, address: "10.77.0.22" }];
    expect(mistakes({ "backend-api": { ...api, instances } })).toEqual([
      "backend-api.instances.2.id: id 1 is that of instances[0] already",
      "backend-api.instances.3.address: address 10.77.0.22 is that of instances[1] already",
    ]);
  });

  it("refuses one server id for two fleets of a pool, and lets it be in two pools", () => {
    const other = { ...api, instances: [{ id: 2, address: "10.77.0.31" }] };
    expect(mistakes({ "backend-api": api, "other-api": other })).toEqual([
      "other-api.instances.0.id: id 2 is taken in api_pool by backend-api: fleets of one pool share its server ids",
    ]);
    expect(mistakes({ "backend-api": api, "stream-server": { ...other, pool: "stream_pool" } })).toEqual([]);
  });

  it("refuses a roll-out that would stop all instances at once, but for a fleet of one", () => {
    expect(mistakes({ "backend-api": { ...api, maxUnavailable: 2 } })).toEqual([
      "backend-api.maxUnavailable: must be smaller than the number of instances (2): a roll-out would stop all of them at once",
    ]);
    expect(mistakes({ "backend-api": { ...api, instances: [{ id: 1, address: "10.77.0.21" }] } })).toEqual(
      [],
    );
  });

  it("wants one origin of the artifact, and its checksum where it is downloaded", () => {
    const mistakesWith = (artifact: unknown) => mistakes({ "backend-api": { ...api, artifact } });
    expect(mistakesWith({ path: "dist/backend-api" })).toEqual([]);
    expect(mistakesWith({ sha256 })).toEqual(["backend-api.artifact: must have one of path and url"]);
    expect(mistakesWith({ path: "x", url: "https://x/y" })).toEqual([
      "backend-api.artifact: must have one of path and url",
    ]);
    expect(mistakesWith({ url: "https://x/y" })).toEqual([
      "backend-api.artifact.sha256: is needed with url: nothing else says what may be started",
    ]);
  });

  it("refuses a fleet named like another service, and the agent's port", () => {
    expect(mistakes({ "veza-agent": api })).toHaveLength(1);
    expect(mistakes({ "backend-api": { ...api, port: 8079 } })).toEqual([
      "backend-api.port: is the port of the instance's agent",
    ]);
  });
});
