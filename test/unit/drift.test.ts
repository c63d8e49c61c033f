import { describe, expect, it } from "@jest/globals";
import { containerDocument, hostDocument, unitDigest } from "../../src/incus/document.ts";
import { filesBody, type FilesSpec } from "../../src/incus/files-body.ts";
import type { Listed } from "../../src/ops/converge/look.ts";
import { readMark } from "../../src/ops/converge/mark.ts";
import type { Found } from "../../src/ops/converge/compare.ts";
import { haproxyDrift } from "../../src/ops/drift/haproxy-drift.ts";
import { incusDrift } from "../../src/ops/drift/incus-drift.ts";
import { insideDrift } from "../../src/ops/drift/inside-drift.ts";
import type { Drift } from "../../src/ops/drift/item.ts";
import { metricsText } from "../../src/ops/drift/metrics.ts";
import { patchOf } from "../../src/ops/drift/patch.ts";
import { lookDocument } from "../../src/ops/drift/question.ts";
import { consequences, repairPlan } from "../../src/ops/drift/repair-plan.ts";
import { databaseStates, instanceStates } from "../../src/ops/drift/runtime.ts";
import { readSeen, type SeenInside } from "../../src/ops/drift/seen.ts";
import { appliedOf, type Applied } from "../../src/ops/drift/state.ts";
import { readDetails, topologyDrift, type SeenNode } from "../../src/ops/drift/topology-drift.ts";
import { wantedOf, wholePlaces, type WantedContainer } from "../../src/ops/drift/wanted.ts";

const definition = {
  config: { "boot.autostart": "true", "limits.cpu": "" },
  devices: { root: { type: "disk", path: "/", pool: "default" } },
};
const command = (name: string, stdin: string, logging?: string): object => ({
  urn: `urn:pulumi:lab::veza-edge::command:local:Command::${name}`,
  type: "command:local:Command",
  inputs: { create: "timeout --kill-after=5 60 bash -euo pipefail -s apply", stdin, logging },
});
const main = "main() { :; }\n";
const container = (name: string): object =>
  command(
    name,
    hostDocument({
      parameters: {
        PROJECT: "veza-lab",
        CONTAINER: name,
        GENERATION: "g",
        IMAGE: "veza/app",
        DEFINITION: JSON.stringify(definition),
      },
      script: main,
    }),
  );
const unit = (name: string, spec: FilesSpec, logging?: string): object =>
  command(
    `${name}-${spec.unit}`,
    containerDocument({
      project: "veza-lab",
      container: name,
      unit: spec.unit,
      limitSeconds: 60,
      body: filesBody(spec),
    }),
    logging,
  );
const file = (path: string, content: string) => ({ path, content, mode: "0644", owner: "root:root" });

const application = (name: string): FilesSpec => ({
  unit: "application",
  users: [{ name: "veza-api", home: "/opt/veza/api" }],
  directories: [{ path: "/etc/veza", mode: "0750", owner: "root:root" }],
  files: [
    file(
      "/etc/systemd/system/api.service",
      "[Service]\nExecStart=/x\n[Install]\nWantedBy=multi-user.target\n",
    ),
    file("/etc/systemd/system/api-once.service", "[Service]\nType=oneshot\n"),
    file("/etc/veza/api.env", "A=1\n"),
  ],
  followUp: {
    script: "follow_up() { place; }\n",
    parameters: {
      APP: "api",
      SECRETS: "/etc/veza/api.secret.env",
      INSTANCE: name,
      ARTIFACT_NAME: "api.mjs",
      ARTIFACT_SHA256: `${"0123456789ab".repeat(5)}0123`,
    },
  },
});
const secrets: FilesSpec = { unit: "secrets", files: [file("/etc/veza/api.secret.env", "PASSWORD=it's\n")] };

function appliedTo(...resources: readonly object[]): Applied {
  return appliedOf({ exportedState: { deployment: { resources } }, directory: "/", hosts: {} });
}
const applied = appliedTo(
  container("api-1"),
  unit("api-1", secrets, "none"),
  unit("api-1", application("api-1")),
  container("api-2"),
  unit("api-2", application("api-2")),
);
const wanted = wantedOf(applied.recorded);
const one = (name: string): WantedContainer => {
  const found = wanted.containers.find((container) => container.name === name);
  if (found === undefined) throw new Error(name);
  return found;
};

const regular = { type: "regular file", mode: "644", owner: "root:root", changed: 100 };
const service = {
  ...{ load: "loaded", active: "active", sub: "running", enabled: "enabled" },
  ...{ needsDaemonReload: false, since: 200 },
};
/** A container in which everything is as it was applied. */
const asApplied: SeenInside = {
  files: new Map([
    ["/etc/systemd/system/api.service", regular],
    ["/etc/systemd/system/api-once.service", regular],
    ["/etc/veza/api.env", regular],
    ["/etc/veza/api.secret.env", regular],
    ["/etc/veza", { ...regular, type: "directory", mode: "750" }],
    ["/opt/veza/api/current/api.mjs", regular],
  ]),
  differing: new Map(),
  extras: new Map(),
  missingUsers: [],
  services: new Map([["api.service", service]]),
  links: new Map([["/opt/veza/api/current", "releases/0123456789ab"]]),
  issuedNames: [],
  notes: new Map(),
};
const inside = (over: Partial<SeenInside>): string[] =>
  insideDrift("this machine", one("api-1"), { ...asApplied, ...over }).map(
    ({ kind, subject, says }) => `${kind} ${subject}: ${says}`,
  );

describe("the inside of a container", () => {
  it("has not drifted where everything is as it was applied", () => {
    expect(inside({})).toEqual([]);
  });

  it("shows what differs of a file, and of a secret one only that it does", () => {
    const differing = new Map([
      ["/etc/veza/api.env", "A=2\n"],
      ["/etc/veza/api.secret.env", undefined],
    ]);
    const drift = insideDrift("this machine", one("api-1"), { ...asApplied, differing });
    expect(drift.map(({ subject, says, patch }) => [subject, says, patch])).toEqual([
      ["/etc/veza/api.secret.env", "its content was changed", undefined],
      ["/etc/veza/api.env", "its content was changed", expect.stringContaining("\n-A=1\n+A=2\n")],
    ]);
  });

  it("never asks a container for the content of a secret file", () => {
    const document = lookDocument("veza-lab", wanted);
    const [, shown = ""] = /SHOWN='\\''([^']*)'\\''/.exec(document) ?? [];
    expect(shown).toContain("/etc/veza/api.env");
    expect(shown).not.toContain("secret");
    expect(document).not.toContain("PASSWORD");
  });

  it("tells a process that was started before its files from one that runs with them", () => {
    const files = new Map([...asApplied.files, ["/etc/veza/api.secret.env", { ...regular, changed: 300 }]]);
    expect(inside({ files })).toEqual([
      "release api.service: /etc/veza/api.secret.env was written after it was started, so nobody knows what it runs with",
    ]);
  });

  it("says once that a unit was edited, not again that systemd has not read it", () => {
    const services = new Map([["api.service", { ...service, needsDaemonReload: true }]]);
    const differing = new Map([["/etc/systemd/system/api.service", "x\n"]]);
    expect(inside({ services, differing })).toEqual([
      "file /etc/systemd/system/api.service: its content was changed",
    ]);
    expect(inside({ services })).toEqual([
      "service api.service: systemd has not read its files since they were last written",
    ]);
  });

  it("takes a service that is being started for one that runs, and one that keeps failing not", () => {
    const services = (sub: string) => new Map([["api.service", { ...service, active: "activating", sub }]]);
    expect(inside({ services: services("start") })).toEqual([]);
    expect(inside({ services: services("auto-restart") })).toEqual([
      "service api.service: it is activating (auto-restart)",
    ]);
  });

  it("asks for what is started at boot, and nowhere for more files than in places that are the stack's", () => {
    const document = lookDocument("veza-lab", wanted);
    expect(document).toContain("SERVICES='\\''api.service'\\''\n");
    expect(wholePlaces(one("api-1"))).toEqual([
      "/etc/veza/",
      "/etc/systemd/system/api.service.d/",
      "/etc/systemd/system.control/api.service.d/",
      "/run/systemd/system/api.service.d/",
      "/run/systemd/system.control/api.service.d/",
      "/opt/veza/api/current/",
    ]);
  });
});

describe("what Incus has", () => {
  const units = (name: string): Map<string, string> =>
    new Map(
      applied.recorded
        .filter((command) => command.container === name)
        .map(({ unit = "", digest = "" }) => [unit, digest]),
    );
  const there = (name: string, over: Partial<Listed["containers"][number]> = {}) => ({
    ...{ name, created_at: new Date(0), status: "Running", profiles: [], devices: definition.devices },
    config: { "boot.autostart": "true", "volatile.x": "1", "image.os": "Debian", "user.note": "mine" },
    ...over,
  });
  const drift = (...containers: readonly Listed["containers"][number][]): Drift[] => {
    const found: Found = {
      mark: readMark("done 2026-01-01T00:00:00.000Z"),
      volumes: new Map(),
      containers: containers.map(({ name, created_at }) => ({
        ...{ name, state: "Running", createdAt: created_at, ours: true, units: units(name) },
      })),
    };
    const seen = readSeen('=== images\n[{"name": "veza/app"}]\n');
    const incus = { found, listed: { containers: [...containers], pools: {} } };
    return [...incusDrift("this machine", wanted, applied.recorded, incus, seen)];
  };

  it("is as it was applied, whatever Incus and others note beside it", () => {
    expect(drift(there("api-1"), there("api-2"))).toEqual([]);
  });

  it("differs in a setting, a device, or a state, each by its name", () => {
    const config = { "boot.autostart": "false", "limits.cpu": "1", "security.nesting": "true" };
    const devices = { ...definition.devices, usb: { type: "usb" } };
    const found = drift(there("api-1", { config, devices, status: "Frozen" }), there("api-2"));
    expect(found.map(({ subject, says }) => `${subject}: ${says}`)).toEqual([
      "state: it is Frozen",
      "boot.autostart: boot.autostart is false, applied was true",
      "limits.cpu: limits.cpu is 1, applied was none",
      "security.nesting: security.nesting is true, applied was none",
      "usb: device usb was not applied: type=usb",
    ]);
  });

  it("lacks a container, which is made again with all that is in it", () => {
    const found = drift(there("api-1"));
    expect(found.map(({ kind, subject, says }) => [kind, subject, says])).toEqual([
      ["container", "api-2", "there is no such container"],
    ]);
    expect(consequences(repairPlan(applied, found))).toEqual([
      "api-2: is made anew and filled; its volumes stay",
      "api-2: api is rolled out again: drained, restarted, watched until it serves",
    ]);
  });

  it("has a container that was switched off for good, which is no drift", () => {
    const off = there("api-2", { status: "Stopped", config: { "boot.autostart": "false" } });
    const [state] = instanceStates("this machine", off);
    const found = drift(there("api-1"), off);
    expect(found.map(({ subject }) => subject)).toEqual(["state", "boot.autostart"]);
    expect(found.every((one) => state?.excuses(one))).toBe(true);
    expect(instanceStates("this machine", there("api-2", { status: "Stopped" }))).toEqual([]);
  });
});

describe("HAProxy", () => {
  const config =
    "backend api\n    server a 10.0.0.1:80 id 1\n    server b name.incus:81\nlisten stats\n    bind :1\n";
  const balancer = wantedOf(
    appliedTo(
      container("lb"),
      unit("lb", {
        unit: "haproxy",
        files: [
          file("/etc/haproxy/current/haproxy.cfg", config),
          file("/etc/systemd/system/haproxy.service.d/veza.conf", "[Service]\n"),
        ],
      }),
    ).recorded,
  ).containers[0];
  const columns =
    "be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_port";
  const servers = (...rows: readonly string[]): string =>
    `1\n# ${columns}\n${rows.map((row) => `3 ${row}\n`).join("")}`;
  const usual = ["api 1 a 10.0.0.1 2 0 1 1 80", "api 2 b 10.0.0.9 2 0 1 1 81"];
  const look = (over: {
    release?: string;
    written?: number;
    rows?: readonly string[];
    differing?: SeenInside["differing"];
  }): string[] => {
    const [wantedUnit] = balancer?.units ?? [];
    if (wantedUnit === undefined) throw new Error("no unit");
    const seen: SeenInside = {
      ...asApplied,
      files: new Map([["/etc/haproxy/current/haproxy.cfg", { ...regular, changed: over.written ?? 100 }]]),
      services: new Map([["haproxy.service", service]]),
      links: new Map([["/etc/haproxy/current", "releases/aa"]]),
      differing: over.differing ?? new Map(),
      haproxy: {
        info: new Map([
          ["description", over.release ?? "aa"],
          ["Start_time_sec", "150"],
        ]),
        servers: servers(...(over.rows ?? usual)),
      },
    };
    return haproxyDrift({ host: "h", container: "lb" }, wantedUnit, seen, []).map(
      ({ subject, says }) => `${subject}: ${says}`,
    );
  };

  it("runs what is on disk", () => {
    expect(look({})).toEqual([]);
  });

  it("runs another release, or one that was written to after it was read", () => {
    expect(look({ release: "bb", written: 400 })).toEqual([
      "configuration: HAProxy runs release bb, on disk is releases/aa",
    ]);
    expect(look({ written: 400 })).toEqual([
      expect.stringMatching(
        /^\/etc\/haproxy\/current\/haproxy\.cfg: it was written after HAProxy had read it/,
      ),
    ]);
  });

  it("was started with another unit", () => {
    expect(look({ differing: new Map([["/run/haproxy/started-with.conf", undefined]]) })).toEqual([
      "haproxy.service: it was started with another unit than the one that was applied",
    ]);
  });

  it("has servers that were moved, added or removed at run time; where a name leads is its own affair", () => {
    expect(look({ rows: ["api 1 a 10.0.0.2 2 0 1 1 80", "api 3 c 10.0.0.3 2 0 1 1 80"] })).toEqual([
      "api/a: it runs as 10.0.0.2:80, configured is 10.0.0.1:80",
      "api/b: HAProxy runs without this server",
      "api/c: HAProxy has a server that is not configured",
    ]);
  });
});

describe("the database", () => {
  const node = (container: string, state: string, more: object = {}): SeenNode => ({
    at: { host: "h", container },
    details: readDetails(JSON.stringify({ node: container, role: "standby", state, ...more })),
  });
  const primary = (name: string): SeenNode => node(name, "primary", { role: "primary" });
  const words = (...nodes: readonly SeenNode[]): string[] =>
    topologyDrift(nodes).map(({ subject, says }) => `${subject}: ${says}`);

  it("has not drifted whichever node is the primary", () => {
    expect(words(primary("pg-1"), node("pg-2", "standby", { streaming: true }))).toEqual([]);
    const flipped = [node("pg-1", "standby", { streaming: true }), primary("pg-2")];
    expect(words(...flipped)).toEqual([]);
    expect(databaseStates(flipped, "pg-1", []).map(({ kind, says }) => [kind, says])).toEqual([
      ["flipped", "it is the primary; the first one was pg-1"],
    ]);
    expect(databaseStates(flipped, "pg-2", [])).toEqual([]);
  });

  it("has drifted with two primaries, none, or a standby that nothing streams to", () => {
    expect(words(primary("pg-1"), primary("pg-2"))).toEqual([
      "pg-1: pg-1 and pg-2 both say that they are the primary: bin/veza topology says what to do",
    ]);
    expect(words(node("pg-1", "stale"), node("pg-2", "standby", { streaming: false }))).toEqual([
      "pg-1: no node takes writes: bin/veza topology says why",
      expect.stringContaining("pg-1: it has an old timeline"),
      expect.stringContaining("pg-2: it is a standby, and nothing streams to it"),
    ]);
  });

  it("is excused what a flip or a fence does to it", () => {
    const nodes = [node("pg-1", "fenced", { fenced: "flip" }), primary("pg-2")];
    const [flipped, fenced] = databaseStates(nodes, "pg-1", []);
    expect([flipped?.kind, fenced?.kind, fenced?.says]).toEqual(["flipped", "fenced", "it is closed: flip"]);
    const stopped = {
      host: "h",
      container: "pg-1",
      subject: "veza-postgres.service",
      kind: "service",
    } as const;
    expect(fenced?.excuses({ ...stopped, says: "", mends: [] })).toBe(true);
    expect(fenced?.excuses({ ...stopped, container: "pg-2", says: "", mends: [] })).toBe(false);
  });
});

describe("a repair", () => {
  const again = (name: string, unitName: string, isOut: boolean): Drift => {
    const found = applied.recorded.find(({ container, unit }) => container === name && unit === unitName);
    if (found === undefined) throw new Error(name);
    return {
      ...{ kind: "service", host: "this machine", container: name, subject: "x", says: "" },
      mends: [{ do: "apply", command: found }],
      isOut,
    };
  };
  const order = (...drift: readonly Drift[]): string[] =>
    repairPlan(applied, drift).again.map(({ command }) => `${command.container ?? ""} ${command.unit ?? ""}`);

  it("applies each thing once, in the order of the state", () => {
    const drift = [again("api-2", "application", false), again("api-1", "application", false)];
    expect(order(...drift, ...drift)).toEqual(["api-1 application", "api-2 application"]);
  });

  it("brings back an instance that does not serve before it takes out one that does", () => {
    const drift = [
      again("api-1", "application", false),
      again("api-2", "container", true),
      again("api-2", "application", true),
    ];
    expect(order(...drift)).toEqual(["api-2 container", "api-2 application", "api-1 application"]);
  });

  it("has nothing to do where it takes a person", () => {
    const { again, prepare, forget } = repairPlan(applied, [
      { kind: "topology", host: "this machine", container: "api-1", subject: "x", says: "", mends: [] },
    ]);
    expect([again, prepare, forget]).toEqual([[], [], []]);
  });
});

describe("what is shown", () => {
  it("hides passwords and keys in a diff", () => {
    const key = "-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n";
    const patch = patchOf(
      "/etc/x",
      `A=1\nDB_PASSWORD=old\n${key}`,
      `A=2\nDB_PASSWORD=new\nuser a password $6$x\n`,
    );
    expect(patch).toContain("-A=1\n+A=2\n");
    expect(patch).toContain("+user a password ********\n");
    expect(patch).not.toMatch(/old|new|MII|\$6/);
  });

  it("tells Prometheus a number for every kind, also when it is 0", () => {
    const drift: Drift = { kind: "file", host: "h", subject: "/a", says: "", mends: [] };
    const counts = { containers: 1, files: 1, services: 0 };
    const text = metricsText("prod", { drift: [drift], runtime: [], unseen: [], counts }, new Date(5_000));
    expect(text).toContain('veza_drift{stack="prod",kind="file"} 1\n');
    expect(text).toContain('veza_drift{stack="prod",kind="volume"} 0\n');
    expect(text).toContain('veza_drift_items{stack="prod"} 1\n');
    expect(text).toContain('veza_drift_last_look_timestamp_seconds{stack="prod"} 5\n');
  });
});

it("knows the digest of what was applied", () => {
  expect(applied.recorded.map(({ secret }) => secret)).toEqual([false, true, false, false, false]);
  expect(applied.recorded[0]?.digest).toBe(unitDigest(`g${JSON.stringify(definition)}`));
});
