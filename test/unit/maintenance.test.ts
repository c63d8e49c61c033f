import { describe, expect, it } from "@jest/globals";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { loadConfig } from "../../src/config/load.ts";
import { closedTo, mapText, readMap } from "../../src/ops/maintenance/map.ts";
import { servicesWithoutAny } from "../../src/ops/maintenance/maintenance.ts";
import { maintenanceTables } from "../../src/ops/maintenance/report.ts";
import { answerOf } from "../../src/ops/maintenance/says.ts";
import {
  judge,
  loadBalancerState,
  serviceState,
  type LoadBalancerState,
  type MaintenanceState,
  type ServiceState,
} from "../../src/ops/maintenance/state.ts";
import { missingFiles, oversizedFiles } from "../../src/requirements.ts";
import { mistakesOf } from "./support/mistakes.ts";

const stack = (maintenance: object): Record<string, unknown> => ({
  "veza-edge:hosts": { main: { connection: "local" } },
  "veza-edge:network": { gateway: "10.77.0.1/24" },
  "veza-edge:loadBalancer": { instances: [{ address: "10.77.0.10" }], maintenance },
});

describe("the config of a maintenance", () => {
  it("takes addresses and ranges, and nothing that would be everybody", () => {
    const allow = ["192.0.2.10", "192.0.2.0/24", "192.0.2.10/33", "0.0.0.0/0", "::1", "office"];
    expect(mistakesOf("lab", stack({ allow, retryAfterSeconds: 0 }))).toEqual([
      ...[2, 3, 4, 5].map(
        (n) =>
          `loadBalancer.maintenance.allow[${String(n)}]: must be an IPv4 address or range such as 192.0.2.10 or 192.0.2.0/24`,
      ),
      "loadBalancer.maintenance.retryAfterSeconds: must be at least 1",
    ]);
  });

  it("names a page that an update finds, and that HAProxy can answer with", () => {
    const directory = mkdtempSync(join(tmpdir(), "veza-page-"));
    const page = join(directory, "page.html");
    const config = loadConfig("lab", stack({ page }));
    try {
      expect(missingFiles(config)).toMatchObject([{ path: "veza-edge:loadBalancer.maintenance.page" }]);
      writeFileSync(page, "x".repeat(15_359));
      expect([missingFiles(config), oversizedFiles(config)]).toEqual([[], []]);
      writeFileSync(page, "x".repeat(15_360));
      expect(oversizedFiles(config)).toMatchObject([
        { message: `${page} has 15361 bytes, and HAProxy can answer with 15360 at most` },
      ]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe("the map of who is closed out", () => {
  it("closes out everybody but who is let through, each of them once", () => {
    expect(mapText(closedTo(["192.0.2.0/24", "10.0.0.1", "192.0.2.0/24"]))).toBe(
      "0.0.0.0/0 yes\n::/0 yes\n192.0.2.0/24 no\n10.0.0.1 no\n",
    );
  });

  it("is read whatever the order of its lines, and as open when it has none", () => {
    expect(readMap(["192.0.2.0/24 no", "::/0 yes", "10.0.0.1 no", "0.0.0.0/0 yes"])).toEqual({
      closed: true,
      allow: ["10.0.0.1", "192.0.2.0/24"],
    });
    expect(readMap([])).toEqual({ closed: false, allow: [] });
  });
});

describe("what containers say", () => {
  const place = { name: "haproxy", host: "main" };
  it.each([
    ["done", { exitCode: 0, isWhole: true, text: "haproxy active", complaint: "" }, "haproxy active"],
    ["absent", { exitCode: 4, isWhole: true, text: "it has none yet", complaint: "" }, "it has none yet"],
    ["failed", { exitCode: 1, isWhole: true, text: "known yes", complaint: "no" }, "known yes\nno"],
    ["failed", { exitCode: 0, isWhole: false, text: "", complaint: "lost" }, "lost"],
  ])("is %s by how it ended", (end, heard, text) => {
    expect(answerOf({ container: "a", state: "RUNNING", ...heard })).toEqual({ container: "a", end, text });
  });

  it("is what runs, what a start would find, and what config lets through", () => {
    const text =
      "known yes\nallowed 10.0.0.0/8 192.0.2.1\nlive 0.0.0.0/0 yes\nlive 192.0.2.7 no\nhaproxy active\nfile 0.0.0.0/0 yes";
    expect(loadBalancerState(place, { container: "haproxy", end: "done", text })).toEqual({
      name: "haproxy",
      live: { closed: true, allow: ["192.0.2.7"] },
      file: { closed: true, allow: [] },
      allowedByConfig: ["10.0.0.0/8", "192.0.2.1"],
    });
  });

  it("is nothing that runs, where HAProxy does not, or was never told of maintenance", () => {
    for (const text of ["known yes\nhaproxy inactive", "known no\nhaproxy active"])
      expect(loadBalancerState(place, { container: "haproxy", end: "done", text })).not.toHaveProperty(
        "live",
      );
  });

  it("is silence, with its reason, where it cannot be asked", () => {
    const failed = { container: "haproxy", end: "failed", text: "this container is STOPPED" } as const;
    expect(loadBalancerState(place, failed).silence).toBe("this container is STOPPED");
    expect(serviceState({ ...place, service: "api", server: "p/api" }, failed).silence).toBe(
      "this container is STOPPED",
    );
  });
});

const open = { closed: false, allow: [] };
const shut = { closed: true, allow: ["192.0.2.1"] };
const balancer = (over: Partial<LoadBalancerState> = {}): LoadBalancerState => ({
  name: "haproxy",
  live: shut,
  file: shut,
  allowedByConfig: [],
  ...over,
});
const service = (name: string, keptStopped: boolean, state = "inactive"): ServiceState => ({
  name,
  service: "api",
  keptStopped,
  state,
});

describe("a stack's maintenance", () => {
  const cases: [string, MaintenanceState, string, unknown[]][] = [
    [
      "is none when nobody is closed out and nothing kept stopped",
      {
        loadBalancers: [balancer({ live: open, file: open })],
        services: [service("api-1", false, "failed")],
      },
      "open",
      [],
    ],
    [
      "is whole when all are closed and all kept stopped",
      { loadBalancers: [balancer()], services: [service("api-1", true), service("api-2", true)] },
      "closed",
      [],
    ],
    [
      "is whole when all are closed and none kept stopped",
      { loadBalancers: [balancer()], services: [service("api-1", false, "active")] },
      "closed",
      [],
    ],
    [
      "is half when one load balancer is open",
      { loadBalancers: [balancer(), balancer({ name: "haproxy-2", live: open, file: open })], services: [] },
      "mixed",
      ["closed: haproxy; open: haproxy-2"],
    ],
    [
      "is half when applications are kept stopped behind an open load balancer",
      { loadBalancers: [balancer({ live: open, file: open })], services: [service("api-1", true)] },
      "mixed",
      ["api-1 kept stopped, though no load balancer is closed"],
    ],
    [
      "has a problem when one of two applications is kept stopped, or runs all the same",
      {
        loadBalancers: [balancer()],
        services: [service("api-1", true, "active"), service("api-2", false, "active")],
      },
      "closed",
      ["api-1: api runs, and should be kept stopped", "kept stopped: api-1; not: api-2"],
    ],
    [
      "has a problem when a restart would change it",
      { loadBalancers: [balancer({ file: open })], services: [] },
      "closed",
      ["haproxy: what runs is not what its next start will find"],
    ],
  ];
  it.each(cases)("%s", (_, state, verdict, problems) => {
    expect(judge(state)).toEqual({ verdict, problems });
  });

  it("does not depend on a load balancer that says nothing, which is named", () => {
    const silent: LoadBalancerState = {
      name: "haproxy-2",
      silence: "it is STOPPED",
      file: open,
      allowedByConfig: [],
    };
    expect(judge({ loadBalancers: [balancer(), silent], services: [] })).toEqual({
      verdict: "closed",
      problems: ["haproxy-2 does not say what is so: it is STOPPED"],
    });
    expect(judge({ loadBalancers: [silent], services: [] }).verdict).toBe("unknown");
  });

  it("is shown with who is let through, by whom", () => {
    const state = {
      loadBalancers: [balancer({ allowedByConfig: ["10.0.0.0/8"] })],
      services: [service("api-1", true)],
    };
    const text = stripVTControlCharacters(maintenanceTables(state, judge(state)));
    expect(text).toMatch(/haproxy .* closed out .* 10\.0\.0\.0\/8 .* 192\.0\.2\.1/);
    expect(text).toMatch(/api-1 .* api inactive .* kept stopped/);
    expect(text).toContain("In maintenance: clients see the page, and the applications are stopped.");
  });
});

describe("the end of a maintenance", () => {
  const services = [
    { name: "api-1", service: "api" },
    { name: "api-2", service: "api" },
    { name: "stream-1", service: "stream" },
  ];
  it("waits for no application of which an instance was started, or of which there is nothing to start", () => {
    const answers = [
      { container: "api-1", end: "failed" as const },
      { container: "api-2", end: "done" as const },
      { container: "stream-1", end: "absent" as const },
    ];
    expect(servicesWithoutAny(services, answers)).toEqual([]);
  });

  it("does not come while no instance of an application could be started", () => {
    const answers = [
      { container: "api-1", end: "done" as const },
      { container: "stream-1", end: "failed" as const },
    ];
    expect(servicesWithoutAny(services, answers)).toEqual(["stream"]);
  });
});
