import { describe, expect, it } from "@jest/globals";
import { haproxyDrift } from "../../src/ops/drift/haproxy-drift.ts";
import { insideDrift } from "../../src/ops/drift/inside-drift.ts";
import { insideQuestion } from "../../src/ops/drift/question.ts";
import { insideStates } from "../../src/ops/drift/runtime.ts";
import { readHost, readInside, type SeenInside } from "../../src/ops/drift/seen.ts";
import { wantedOf, wholePlaces } from "../../src/ops/drift/wanted.ts";
import { appliedTo, asApplied, container, file, one, regular, service, unit } from "./drift-sight.ts";

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
    const { parameters, script } = insideQuestion(one("api-1"));
    expect(parameters["SHOWN"]).toContain("/etc/veza/api.env");
    expect(parameters["SHOWN"]).not.toContain("secret");
    expect(JSON.stringify(parameters) + script).not.toContain("PASSWORD");
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
    expect(insideQuestion(one("api-1")).parameters["SERVICES"]).toBe("api.service");
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

describe("what a container prints", () => {
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  const text = [
    "=== stat\nregular empty file|644|root:root|12|/etc/with space|and bar",
    "=== differs /etc/secret",
    `=== differs /etc/a\n${base64("A=2\n")}`,
    `=== extra /etc/b\n34\n${base64("B\n")}`,
    "=== services\nId=a.service\nLoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\nNeedDaemonReload=no\nActiveEnterTimestamp=@56",
    "",
    "Id=b.socket\nActiveEnterTimestamp=",
    "=== links\n/opt/current|releases/x",
    "=== notes\n/var/lib/veza/notes/closed.map|10",
  ].join("\n");

  it("is read back", () => {
    const a = readInside({ exitCode: 0, isWhole: true, text, complaint: "" });
    expect(a).not.toHaveProperty("silent");
    expect([...a.files]).toEqual([
      [
        "/etc/with space|and bar",
        { type: "regular empty file", mode: "644", owner: "root:root", changed: 12 },
      ],
    ]);
    expect([...a.differing]).toEqual([
      ["/etc/secret", undefined],
      ["/etc/a", "A=2\n"],
    ]);
    expect([...a.extras]).toEqual([["/etc/b", { changed: 34, content: "B\n" }]]);
    expect(a.services.get("a.service")).toMatchObject({ enabled: "enabled", since: 56 });
    expect(a.services.get("b.socket")).toMatchObject({ since: undefined });
    expect([...a.links]).toEqual([["/opt/current", "releases/x"]]);
    expect(a.notes.get("/var/lib/veza/notes/closed.map")).toBe(10);
  });

  it("is nothing where it is not all there, and why", () => {
    for (const [exitCode, isWhole] of [
      [1, true],
      [0, false],
    ] as const) {
      const seen = readInside({ exitCode, isWhole, text, complaint: "first\nit is not running" });
      expect([seen.silent, seen.files.size]).toEqual(["it is not running", 0]);
    }
  });
});

describe("what a host prints", () => {
  it("is read back", () => {
    const printed =
      '=== images\n[{"name": "veza/app"}]\n=== artifacts\n/var/lib/veza/artifacts/x\n=== flip\n\n';
    expect(readHost(printed)).toEqual({
      images: new Set(["veza/app"]),
      artifacts: new Set(["/var/lib/veza/artifacts/x"]),
      flip: "",
    });
  });
});

describe("a maintenance", () => {
  it("excuses the application that it keeps stopped, and nothing else", () => {
    const stopped: SeenInside = {
      ...asApplied,
      notes: new Map([["/var/lib/veza/notes/services-stopped", 0]]),
      services: new Map([["api.service", { ...service, active: "inactive", sub: "dead" }]]),
      differing: new Map([["/etc/veza/api.env", "A=2\n"]]),
    };
    const states = insideStates("this machine", one("api-1"), stopped);
    expect(states.map(({ kind, says }) => `${kind}: ${says}`)).toEqual([
      "maintenance: its application is kept stopped",
    ]);
    const drift = insideDrift("this machine", one("api-1"), stopped);
    const left = drift.filter((found) => !states.some((state) => state.excuses(found)));
    expect(drift).toHaveLength(2);
    expect(left.map(({ subject }) => subject)).toEqual(["/etc/veza/api.env"]);
  });
});
