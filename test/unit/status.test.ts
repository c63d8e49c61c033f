import { describe, expect, it } from "@jest/globals";
import { hostname } from "node:os";
import { parseStat } from "../../src/haproxy/runtime.ts";
import { readMark } from "../../src/ops/converge/mark.ts";
import { readLookNote } from "../../src/ops/drift/note.ts";
import { judge } from "../../src/ops/postgres/judge.ts";
import { findingsOf } from "../../src/ops/status/judge.ts";
import { screen } from "../../src/ops/status/screen.ts";
import { trafficFrom, type Status, type Traffic } from "../../src/ops/status/status.ts";
import { node, primaryDetails, silentNode, topology } from "./postgres-sight.ts";

// As HAProxy 3.0 answers, without the columns that nobody reads.
const header =
  "# pxname,svname,scur,status,weight,lastchg,type,rate,req_rate,econ,eresp,hrsp_5xx,uweight,agent_status,agent_duration,last_agt,";
const columns = header.split(",").length;
const whole = (row: string): string => row.padEnd(row.length + columns - row.split(",").length, ",");
const table = (...rows: readonly string[]): string => [header, ...rows.map(whole), ""].join("\n");
const usual = [
  "edge,FRONTEND,12,OPEN,,,0,3,40,,,7,",
  "api_pool,backend-api-1,2,UP,100,1200,2,20,,0,0,1,100",
  "api_pool,backend-api-2,0,UP,100,17,2,0,,1,1,0,100",
  "api_pool,BACKEND,2,UP,200,1200,1,20,,0,0,1,200",
  "api_pool_websockets,backend-api-1,5,UP,100,1200,2,0,,0,0,0,100",
  "follow-backend-api-1,backend-api-1,0,UP,1,1200,2,0,,0,0,0,1",
  "certificate_metrics,sidecar,0,no check,1,9,2,0,,0,0,0,1",
  "stats,FRONTEND,1,OPEN,,,0,1,1,,,0,",
];
const pools = { api_pool: ["backend-api-1", "backend-api-2"], stream_pool: [] };

function traffic(...rows: readonly string[]): Traffic {
  const stats = parseStat(table(...rows));
  if (!stats.ok) throw new Error(stats.problem);
  return trafficFrom(stats.value, Object.keys(pools));
}

const now = new Date("2026-11-21T16:51:59Z");
const ago = (seconds: number): Date => new Date(now.getTime() - seconds * 1000);

// eslint-disable-next-line no-control-regex
const uncoloured = (text: string): string => text.replace(/\u001b\[\d+m/g, "");

/** A stack in which all is well. */
function stack(changes: Partial<Status> = {}): Status {
  return {
    stack: "prod",
    project: "veza-prod",
    hosts: [
      {
        name: "main",
        where: "root@192.0.2.1:22",
        update: { seen: readMark("done 2026-11-20T10:00:00.000Z") },
      },
    ],
    drift: { seen: { at: ago(200), items: 0, unseen: 0 } },
    containers: [{ name: "haproxy", host: "main", address: "10.77.0.10", state: "Running" }],
    loadBalancers: [{ name: "haproxy", traffic: { seen: traffic(...usual) } }],
    certificates: { seen: [] },
    maintenance: { seen: { verdict: "open", problems: [], loadBalancers: [], services: [] } },
    ...changes,
  };
}
const balancer = (...rows: readonly string[]): Status["loadBalancers"] => [
  { name: "haproxy", traffic: { seen: traffic(...rows) } },
];
const [edge = "", first = "", second = ""] = usual;

describe("what a load balancer's statistics say", () => {
  it("is its clients, and the servers that they reach, with those of WebSockets", () => {
    const seen = traffic(...usual);
    expect(seen).toMatchObject({ connections: 12, requestsPerSecond: 40, errors: 7 });
    expect(seen.servers).toEqual([
      {
        ...{ pool: "api_pool", server: "backend-api-1", status: "UP" },
        ...{ sinceSeconds: 1200, sessions: 2, perSecond: 20, errors: 1 },
      },
      {
        ...{ pool: "api_pool", server: "backend-api-2", status: "UP" },
        ...{ sinceSeconds: 17, sessions: 0, perSecond: 0, errors: 2 },
      },
      {
        ...{ pool: "api_pool_websockets", server: "backend-api-1", status: "UP" },
        ...{ sinceSeconds: 1200, sessions: 5, perSecond: 0, errors: 0 },
      },
    ]);
  });

  it("tells an operator's drain from a roll-out's", () => {
    const drained = second.replace("UP,100", "DRAIN (agent),0");
    expect(traffic(edge, first, drained).servers[1]).toMatchObject({ keptBack: "operator" });
    const emptied = drained.replace(/100$/, "0");
    expect(traffic(edge, first, emptied).servers[1]).toMatchObject({ keptBack: "instance" });
    expect(traffic(edge, first, second).servers[1]).not.toHaveProperty("keptBack");
  });
});

describe("what is found in a stack", () => {
  it("is nothing when all is as it should be", () => {
    const well = stack({ database: { seen: { ...judge(topology()), ...topology() } } });
    expect(findingsOf(well, pools, now)).toEqual({ problems: [], notes: [] });
  });

  it.each<[string, Partial<Status>, string[]]>([
    [
      "a host that does not answer, whose containers nobody knows",
      {
        hosts: [{ name: "main", where: "there", update: { problem: "the connection was cut" } }],
        containers: [{ name: "haproxy", host: "main", address: "", state: "unknown" }],
      },
      ["main does not answer: the connection was cut"],
    ],
    [
      "an update that did not end well",
      {
        hosts: [{ name: "main", where: "there", update: { seen: readMark("failed 2026-11-20T10:00:00Z") } }],
      },
      [
        "the last update did not end well on main: bin/pulumi up brings it back to what was deployed, then on",
      ],
    ],
    [
      "containers that are away",
      {
        containers: [
          { name: "a", host: "main", address: "", state: "absent" },
          { name: "b", host: "main", address: "", state: "Stopped" },
        ],
      },
      [
        "a is not there: bin/pulumi up makes it again",
        "b is Stopped; on main: incus start b --project veza-prod",
      ],
    ],
    [
      "a load balancer without an answer",
      { loadBalancers: [{ name: "haproxy", traffic: { problem: "fetch failed" } }] },
      ["haproxy does not tell its servers: fetch failed"],
    ],
    [
      "a server that is down",
      { loadBalancers: balancer(edge, first, second.replace("UP,100", "DOWN 1/2,0")) },
      ["haproxy has api_pool/backend-api-2 DOWN 1/2 for 17 s"],
    ],
    [
      "a pool that serves nobody, and a server that the load balancer has not heard of",
      { loadBalancers: balancer(edge, first.replace("UP,100", "DRAIN,0")) },
      [
        "haproxy has no server in api_pool that takes requests",
        "haproxy does not know api_pool/backend-api-2: bin/pulumi up brings its configuration",
      ],
    ],
    [
      "a database node, once",
      (() => {
        const seen = topology({
          nodes: [node(primaryDetails("postgres-1")), silentNode("postgres-2", "STOPPED")],
        });
        return {
          containers: [{ name: "postgres-2", host: "main", address: "", state: "Stopped" }],
          database: { seen: { ...judge(seen), ...seen } },
        };
      })(),
      ["postgres-2: its container is STOPPED: incus start postgres-2 --project veza-lab"],
    ],
    [
      "what could not be asked",
      { certificates: { problem: "no answer" }, database: { problem: "none either" } },
      ["certificates are not known: no answer", "the database is not known: none either"],
    ],
  ])("is %s", (_, changes, problems) => {
    expect(findingsOf(stack(changes), pools, now).problems).toEqual(problems);
  });

  it.each([
    ["connection refused", "UP,100", ",L4CON,0,Connection refused", "L4CON in 0ms: Connection refused"],
    ["silence, seen while the next look has begun", "UP,100", ",* L4TOUT,1001,", "* L4TOUT in 1001ms"],
    ["no word of an agent's", "DRAIN,0", ",L7RSP,1,", "L7RSP in 1ms"],
    ["up", "UP,100", ",L7OK,0,", undefined],
    ["down", "UP,100", ",L7STS,0,down", undefined],
    ["nothing, because nobody has asked yet", "UP,100", ",INI,,", undefined],
    ["nothing, and the server is down for all to see", "DOWN,0", ",L4CON,0,", undefined],
  ])("is an agent that answers with %s, if no load balancer hears it", (_, state, agent, why) => {
    const seen = { loadBalancers: balancer(edge, first, second.replace("UP,100", state) + agent) };
    const words = `haproxy does not hear the agent of api_pool/backend-api-2 (${why ?? ""}): it serves, but no roll-out gets past it; bin/veza drift --stack prod says what is wrong there`;
    expect(findingsOf(stack(seen), pools, now).problems.includes(words)).toBe(why !== undefined);
    expect(findingsOf(stack(seen), pools, now).problems.join()).toMatch(
      why === undefined ? /^(?!.* agent )/ : / agent /,
    );

    const update = { seen: readMark(`running 2026-11-20T10:00:00.000Z not-${hostname()}:7:x`) };
    const busy = stack({ ...seen, hosts: [{ name: "main", where: "there", update }] });
    expect(findingsOf(busy, pools, now).problems.join()).not.toMatch(/ agent /);
  });

  it("are notes, and no problems, where somebody is at work", () => {
    const drained = second.replace("UP,100", "DRAIN (agent),0");
    const update = { seen: readMark(`running 2026-11-20T10:00:00.000Z not-${hostname()}:7:x`) };
    const busy = stack({
      hosts: [{ name: "main", where: "there", update }],
      loadBalancers: balancer(edge, first, drained),
    });
    expect(findingsOf(busy, pools, now)).toEqual({
      problems: [],
      notes: [
        `an update is at work on main since 10:00 UTC, by process 7 on not-${hostname()}`,
        "an operator drains api_pool/backend-api-2 in haproxy: bin/veza ready backend-api-2 takes it back",
      ],
    });
  });
});

describe("the last look for drift", () => {
  const line = (drift: Status["drift"]): string | undefined =>
    /^drift: (.*)$/m.exec(uncoloured(screen(stack({ drift }), { problems: [], notes: [] }, now)))?.[1];
  const found = (drift: Status["drift"]) => findingsOf(stack({ drift }), pools, now);

  it.each<[string, Status["drift"], string]>([
    ["found nothing", { seen: { at: ago(200), items: 0, unseen: 0 } }, "none, looked 3 min ago"],
    ["found something", { seen: { at: ago(7300), items: 4, unseen: 0 } }, "4 differ, looked 2 h ago"],
    ["did not see all", { seen: { at: ago(5), items: 0, unseen: 1 } }, "none, 1 not seen, looked 5 s ago"],
    ["is to come yet", { seen: null }, "never looked at"],
    ["is on a host that does not answer", { problem: "cut" }, "not known"],
    [
      "was on a machine that is ahead",
      { seen: { at: ago(-9), items: 0, unseen: 0 } },
      "none, looked 0 s ago",
    ],
  ])("%s", (_, drift, text) => {
    expect(line(drift)).toBe(text);
  });

  it("is a problem as long as what it found may be there, and a note when it is old or was not whole", () => {
    expect(found({ seen: { at: ago(7300), items: 1, unseen: 2 } })).toEqual({
      problems: ["1 thing had drifted 2 h ago: bin/veza drift --stack prod shows what, and looks again"],
      notes: [],
    });
    expect(found({ seen: { at: ago(3 * 86_400), items: 0, unseen: 2 } })).toEqual({
      problems: [],
      notes: [
        "nobody has looked for drift for 3 days: bin/veza drift --stack prod",
        "the last look for drift, 3 days ago, did not see everything: bin/veza drift --stack prod",
      ],
    });
    expect(found({ seen: null })).toEqual({ problems: [], notes: [] });
  });

  it("is read from what it left, and from nothing else", () => {
    expect(readLookNote("2026-11-21T16:48:39.000Z 4 1")).toEqual({ at: ago(200), items: 4, unseen: 1 });
    expect(["", "soon 4 1", "2026-11-21T16:48:39.000Z four 1"].map(readLookNote)).toEqual(
      Array(3).fill(undefined),
    );
  });
});

describe("a stack in maintenance", () => {
  const stopped = (name: string) => ({ name, service: "backend-api", state: "inactive", keptStopped: true });
  const services = ["backend-api-1", "backend-api-2"].map(stopped);
  const down = balancer(edge, ...[first, second].map((one) => one.replace("UP,100", "DOWN,0")));

  it("has nothing wrong when its applications are stopped for it, and says how it ends", () => {
    const seen = { verdict: "closed", problems: [], loadBalancers: [], services } as const;
    expect(findingsOf(stack({ loadBalancers: down, maintenance: { seen } }), pools, now)).toEqual({
      problems: [],
      notes: [
        "the stack is in maintenance, and clients get a page: bin/veza maintenance down --stack prod ends it",
      ],
    });
  });

  it("has, where not all of it is", () => {
    const seen = {
      verdict: "mixed",
      problems: ["closed: a; open: b"],
      loadBalancers: [],
      services: services.slice(1),
    } as const;
    expect(findingsOf(stack({ loadBalancers: down, maintenance: { seen } }), pools, now).problems).toEqual([
      "haproxy has no server in api_pool that takes requests",
      "haproxy has api_pool/backend-api-1 DOWN for 20 min",
      "closed: a; open: b",
    ]);
  });
});

describe("the screen", () => {
  const plain = (status: Status, before?: Status): string =>
    uncoloured(screen(status, findingsOf(status, pools, now), now, before));

  it("has a line for each thing, what is wrong first", () => {
    const seen = topology();
    const shown = plain(
      stack({
        database: { seen: { ...judge(seen), ...seen } },
        loadBalancers: balancer(edge, first, second.replace("UP,100", "DOWN,0")),
      }),
    );
    expect(shown).toMatchSnapshot();
  });

  it("counts errors since the watch began, across a reload too", () => {
    const was = stack({ loadBalancers: balancer(edge, first.replace(/1,100$/, "4,100"), second) });
    const more = stack({
      loadBalancers: balancer(edge.replace("7,", "9,"), first.replace(/1,100$/, "6,100"), second),
    });
    expect(plain(more, was)).toMatch(/haproxy +12 +40 +9 \(\+2\)\n/);
    expect(plain(more, was)).toMatch(/backend-api-1 .* 6 \(\+2\)\n/);
    expect(plain(more, was)).toMatch(/backend-api-2 .* 2$/m);
    const reloaded = stack({ loadBalancers: balancer(edge, first, second) });
    expect(plain(reloaded, was)).toMatch(/backend-api-1 .* 1 \(\+1\)\n/);
  });
});
