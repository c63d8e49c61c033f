import { describe, expect, it } from "@jest/globals";
import { sitesOf } from "../../src/ops/converge/sites.ts";
import type { ReachableHost } from "../../src/ops/host-shell.ts";
import type { RecordedCommand } from "../../src/ops/recorded.ts";

const ssh = (over: Partial<Extract<ReachableHost, { connection: "ssh" }>> = {}): ReachableHost => ({
  connection: "ssh",
  address: "host.example",
  port: 22,
  user: "root",
  hostKey: "ssh-ed25519 AAAA1",
  ...over,
});
const local: ReachableHost = { connection: "local" };

const said = (connection: ReachableHost, container?: string, project = "veza-staging"): RecordedCommand => ({
  urn: `urn:${container ?? "host"}`,
  connection,
  project,
  container,
  unit: container === undefined ? undefined : "container",
  digest: undefined,
  document: "main\n",
  secret: false,
  limitSeconds: 60,
});

describe("the machines that a state knows", () => {
  it.each([
    ["host key", { hostKey: "ssh-ed25519 AAAA2" }],
    ["address", { address: "192.0.2.7" }],
    ["user", { user: "deploy" }],
    ["key that may log in", { privateKey: "new" }],
  ])("are reached as the config says, also after a change of the %s", (_what, change) => {
    const now = ssh(change);
    const recorded = [said(ssh({ privateKey: "old" }), "haproxy")];
    expect(sitesOf(recorded, { main: now })).toEqual([{ host: now, project: "veza-staging", recorded }]);
  });

  it("are one each, when an update was cut off while it changed how they are reached", () => {
    const recorded = [said(ssh(), "haproxy"), said(ssh({ user: "deploy" }), "backend-api-1")];
    expect(sitesOf(recorded, { main: ssh({ user: "deploy" }) })).toEqual([
      { host: ssh({ user: "deploy" }), project: "veza-staging", recorded },
    ]);
    expect(sitesOf(recorded, {})).toEqual([{ host: ssh(), project: "veza-staging", recorded }]);
  });

  it("are reached as the state says where the config has them no more", () => {
    const other = ssh({ address: "other.example", hostKey: "ssh-ed25519 AAAA9" });
    const [there, gone] = [said(ssh(), "a"), said(other, "b")];
    expect(sitesOf([there, gone], { main: ssh() })).toEqual([
      { host: ssh(), project: "veza-staging", recorded: [there] },
      { host: other, project: "veza-staging", recorded: [gone] },
    ]);
  });

  it("are told apart by address where they share a host key, as clones of one image do", () => {
    const hosts = { a: ssh({ address: "a.example" }), b: ssh({ address: "b.example" }) };
    const [toA, toB] = [said(hosts.a, "haproxy"), said(hosts.b, "backend-api-1")];
    expect(sitesOf([toB, toA], hosts)).toEqual([
      { host: hosts.b, project: "veza-staging", recorded: [toB] },
      { host: hosts.a, project: "veza-staging", recorded: [toA] },
    ]);
    const elsewhere = said(ssh({ address: "c.example" }), "backend-api-2");
    expect(sitesOf([elsewhere], hosts)).toMatchObject([{ host: { address: "c.example" } }]);
  });

  it("include this one", () => {
    expect(sitesOf([said(local, "a")], { main: local })).toEqual([
      { host: local, project: "veza-staging", recorded: [said(local, "a")] },
    ]);
  });

  it("take what names no project with the rest, in the order of the state", () => {
    const recorded = [said(ssh(), undefined, ""), said(ssh(), "a")];
    expect(sitesOf(recorded, {})).toEqual([{ host: ssh(), project: "veza-staging", recorded }]);
    expect(sitesOf([said(ssh(), undefined, "")], {})).toEqual([]);
  });
});
