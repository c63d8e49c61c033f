import { describe, expect, it } from "@jest/globals";
import { unitDigest } from "../../src/incus/document.ts";
import type { Found } from "../../src/ops/converge/compare.ts";
import type { Listed } from "../../src/ops/converge/look.ts";
import { readMark } from "../../src/ops/converge/mark.ts";
import { incusDrift } from "../../src/ops/drift/incus-drift.ts";
import type { Drift } from "../../src/ops/drift/item.ts";
import { metricsText } from "../../src/ops/drift/metrics.ts";
import { patchOf } from "../../src/ops/drift/patch.ts";
import { consequences, repairPlan } from "../../src/ops/drift/repair-plan.ts";
import { databaseStates, instanceStates } from "../../src/ops/drift/runtime.ts";
import { readHost } from "../../src/ops/drift/seen.ts";
import {
  readDetails,
  replicatorDrift,
  topologyDrift,
  type SeenNode,
} from "../../src/ops/drift/topology-drift.ts";
import { applied, definition, wanted } from "./drift-sight.ts";

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
    const seen = readHost('=== images\n[{"name": "veza/app"}]\n');
    const incus = { found, listed: { project: { config: {} }, containers: [...containers], pools: {} } };
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

describe("the database", () => {
  const [command] = applied.recorded;
  if (command === undefined) throw new Error("nothing was applied");
  const node = (container: string, state: string, more: object = {}): SeenNode => ({
    ...{ at: { host: "h", container }, command, isRefused: false },
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

  it("has another password for its standby, which is mended on the primary", () => {
    const refused = { ...node("pg-2", "standby"), isRefused: true };
    const [found, ...more] = replicatorDrift([refused, primary("pg-1")]);
    expect(found).toMatchObject({ container: "pg-1", kind: "role", subject: "replicator" });
    expect(found?.says).toContain("pg-2 is not let in");
    expect([found?.mends, more]).toEqual([[{ do: "apply", command }], []]);
    expect(replicatorDrift([refused])).toEqual([]);
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
