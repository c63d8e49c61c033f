import { describe, expect, it } from "@jest/globals";
import { fleetsSchema } from "../../src/config/fleet.ts";
import { fleetModel } from "../../src/fleet/model.ts";
import { instanceUnit, rolloutSeconds, secretsUnit } from "../../src/fleet/unit.ts";

const sha256 = "0123456789abcdef".repeat(4);
const fleets = fleetsSchema.parse({
  "stream-server": {
    pool: "stream_pool",
    port: 8082,
    healthPath: "/health",
    user: "veza-stream",
    command: [
      "/usr/bin/node",
      "/opt/veza/stream-server/current/stream-server.mjs",
      "--title",
      'the "100%" $HOME',
    ],
    artifact: { path: "dist/stream-server.mjs", sha256 },
    environment: { CACHE_MIB: "64", MOTTO: 'play "it"\nagain for $5 \\ `now`' },
    instances: [{ id: 2, address: "10.77.0.32" }],
  },
});
const [spec] = Object.entries(fleets).flatMap(
  ([name, config]) => fleetModel(name, config, () => "").instances,
);
if (spec === undefined) throw new Error("the fleet has no instance");
const unit = instanceUnit(spec, [
  { address: "10.77.0.10", port: 9100 },
  { address: "10.77.0.11", port: 9100 },
]);

describe("what lands in an instance", () => {
  it("is these documents", () => {
    const texts = unit.files.filter(({ path }) => !path.startsWith("/usr/local/lib/veza/"));
    expect(
      texts.map(({ path, mode, owner, content }) => `--- ${path} ${mode} ${owner}\n${content}`).join("\n"),
    ).toMatchSnapshot();
  });

  it("is rolled out with these parameters", () => {
    expect(unit.followUp?.parameters).toEqual({
      APP: "stream-server",
      INSTANCE: "stream-server-2",
      ADDRESS: "10.77.0.32",
      PORT: 8082,
      HEALTH_PATH: "/health",
      POOL: "stream_pool",
      LOAD_BALANCERS: "10.77.0.10:9100 10.77.0.11:9100",
      ARTIFACT_NAME: "stream-server.mjs",
      ARTIFACT_SHA256: sha256,
      ARTIFACT_SOURCE: `/var/lib/veza/artifacts/${sha256}`,
      DRAIN_SECONDS: 30,
      HEALTH_SECONDS: 60,
      DOWNLOAD_SECONDS: 300,
      KEEP_RELEASES: 3,
    });
  });

  it("has the users that its services run as", () => {
    expect(unit.users?.map(({ name }) => name)).toEqual(["veza-stream", "veza-agent"]);
  });

  it("may take as long as draining, starting and going back take at their worst", () => {
    const { drainSeconds, healthSeconds } = spec.application;
    expect(rolloutSeconds(spec)).toBeGreaterThan(3 * drainSeconds + 4 * healthSeconds);
  });
});

describe("an instance with a database", () => {
  const database = { host: "10.77.0.55", port: 6433, name: "veza", user: "veza_a" };
  const withDatabase = { ...spec, database };
  const text = (path: string): string =>
    instanceUnit(withDatabase, []).files.find((file) => file.path === path)?.content ?? "";

  it("is told where it is, and gets the password from a file of its own", () => {
    expect(text("/etc/veza/stream-server.env")).toContain(
      'DATABASE_HOST="10.77.0.55"\nDATABASE_PORT="6433"\nDATABASE_NAME="veza"\nDATABASE_USER="veza_a"\n',
    );
    expect(secretsUnit(withDatabase, 'a"b').files).toEqual([
      {
        path: "/etc/veza/stream-server.secret.env",
        content: '# Managed by veza-edge: changed by the next update.\nDATABASE_PASSWORD="a\\"b"\n',
        mode: "0600",
        owner: "root:root",
      },
    ]);
    expect(text("/etc/systemd/system/stream-server.service")).toContain(
      "EnvironmentFile=/etc/veza/stream-server.env\nEnvironmentFile=/etc/veza/stream-server.secret.env\n",
    );
  });

  it("is started again by a roll-out when the password is newer than its process", () => {
    expect(instanceUnit(withDatabase, []).followUp?.parameters).toMatchObject({
      SECRETS: "/etc/veza/stream-server.secret.env",
    });
  });
});
