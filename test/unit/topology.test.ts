import { describe, expect, test } from "@jest/globals";
import type { Answer } from "../../src/ops/in-containers.ts";
import { inWords, judge } from "../../src/ops/postgres/judge.ts";
import { readNote } from "../../src/ops/postgres/note.ts";
import { sectionsOf } from "../../src/ops/sections.ts";
import { topologyTables } from "../../src/ops/postgres/table.ts";
import { readTopology, type HostSight } from "../../src/ops/postgres/topology.ts";
import {
  begun,
  node,
  primaryDetails,
  router,
  silentNode,
  standbyDetails,
  topology,
} from "./postgres-sight.ts";

const site = {
  project: "veza-lab",
  nodes: [
    { name: "postgres-1", host: "main", address: "10.77.0.51" },
    { name: "postgres-2", host: "other", address: "10.77.0.52" },
  ],
  routers: [{ name: "db-router-1", host: "main", address: "10.77.0.53" }],
  host: () => ({ connection: "local" }) as const,
};

const states = `1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port
3 pg-primary 1 postgres-1 10.77.0.51 2 0 1 1 72 15 3 4 6 0 0 1 - 6432 - 0 0 - - 0
3 pg-primary 2 postgres-2 10.77.0.52 2 1 1 1 72 15 3 4 6 0 0 1 - 6432 - 0 0 - - 0
4 pg-probe 1 postgres-1 10.77.0.51 2 0 1 1 72 15 3 4 6 0 0 1 - 8008 - 0 0 - - 0

`;
const processes = `#<PID>          <type>          <reloads>       <uptime>        <version>
674             master          1 [failed: 0]   0d00h01m38s     3.0.11-1+deb13u3
# workers
1511            worker          0               0d00h00m01s     3.0.11-1+deb13u3
# old workers
1235            worker          1               0d00h00m13s     3.0.11-1+deb13u3
# programs

`;
const statistics = (first: number, second: number): string =>
  `# pxname,svname,scur,type,status,\npg-primary,postgres-1,${first},2,UP,\npg-primary,postgres-2,${second},2,MAINT,\n\n`;

const answer = (container: string, text: string): Answer => ({
  ...{ container, state: "RUNNING", exitCode: 0, isWhole: true, text: text.trimEnd(), complaint: "" },
});
const said = `=== servers
${states}=== processes
${processes}=== 1511
${statistics(4, 0)}
=== 1235
${statistics(2, 3)}`;
const onMain: HostSight = {
  note: JSON.stringify(begun),
  answers: [answer("postgres-1", JSON.stringify(primaryDetails("postgres-1"))), answer("db-router-1", said)],
};

describe("the topology", () => {
  test("is put together from what the hosts and containers say", () => {
    const stopped = { state: "STOPPED", exitCode: 1, isWhole: false, complaint: "it is STOPPED" };
    const onOther = { note: "", answers: [{ ...answer("postgres-2", ""), ...stopped }] };
    const server = { admin: "ready", isUp: true, sessions: 4, oldSessions: 2 };
    expect(readTopology(site, [onMain, onOther])).toEqual({
      nodes: [
        {
          name: "postgres-1",
          address: "10.77.0.51",
          container: "RUNNING",
          details: primaryDetails("postgres-1"),
        },
        { name: "postgres-2", address: "10.77.0.52", container: "STOPPED" },
      ],
      routers: [
        {
          name: "db-router-1",
          seen: {
            oldWorkers: 1,
            servers: [
              { ...server, node: "postgres-1", address: "10.77.0.51" },
              {
                ...{ node: "postgres-2", address: "10.77.0.52", admin: "maint", isUp: false },
                ...{ sessions: 0, oldSessions: 3 },
              },
            ],
          },
        },
      ],
      project: "veza-lab",
      notes: [begun],
    });
  });

  test("leaves unknown what was not said to its end", () => {
    const cut = onMain.answers.map((one) => ({ ...one, isWhole: false }));
    const { nodes, routers } = readTopology(site, [{ note: "", answers: cut }]);
    expect(nodes[0]).toEqual({ name: "postgres-1", address: "10.77.0.51", container: "RUNNING" });
    expect(routers).toEqual([{ name: "db-router-1" }]);
  });

  test("leaves unknown what a host did not say", () => {
    expect(readTopology(site, [])).toEqual({
      nodes: [
        { name: "postgres-1", address: "10.77.0.51", container: "" },
        { name: "postgres-2", address: "10.77.0.52", container: "" },
      ],
      routers: [{ name: "db-router-1" }],
      project: "veza-lab",
      notes: [],
    });
  });

  test("has a begun flip where the note about it cannot be read", () => {
    expect(readNote("by hand")).toMatchObject({ id: "unreadable", at: "by hand" });
    expect(readNote("\n")).toBeUndefined();
  });

  test("is cut at its titles only", () => {
    expect(sectionsOf("before\n=== one\na\n\n=== two\n")).toEqual([
      { title: "one", body: "a\n" },
      { title: "two", body: "\n" },
    ]);
  });
});

describe("the judgement", () => {
  test("is well with one primary, a standby in step and routers that know", () => {
    expect(judge(topology())).toEqual({ verdict: "well", primary: "postgres-1", problems: [] });
  });

  test("is a split where two nodes are open for writes, and says how to close one", () => {
    const nodes = [node(primaryDetails("postgres-1")), node(primaryDetails("postgres-2"))];
    const judgement = judge(topology({ nodes }));
    expect(judgement.verdict).toBe("split");
    expect(judgement.problems[0]).toMatch(/^postgres-1 and postgres-2 both .*postgres fence split$/);
  });

  test("is no primary where the only one is closed", () => {
    const nodes = [
      node(primaryDetails("postgres-1", { state: "unconfirmed" })),
      silentNode("postgres-2", "STOPPED"),
    ];
    expect(judge(topology({ nodes }))).toEqual({
      verdict: "no-primary",
      problems: [
        expect.stringMatching(/^postgres-1: .*bin\/veza failover --force$/),
        "postgres-2: its container is STOPPED: incus start postgres-2 --project veza-lab",
        "db-router-1: has postgres-1 UP, which does not take writes",
      ],
    });
  });

  test.each([
    ["a flip that was cut off", { notes: [begun] }, /^a flip from postgres-1 to postgres-2 \(ann on desk/],
    ["a router that does not answer", { routers: [{ name: "r" }] }, /^r: does not say/],
    [
      "a router that has the primary in maintenance",
      { routers: [router("r", { first: { admin: "maint", isUp: false } })] },
      /^r: the primary postgres-1 is in maint/,
    ],
    [
      "sessions from before a reload on the standby",
      { routers: [router("r", { second: { oldSessions: 2 } })] },
      /^r: 2 sessions from before a reload are still on postgres-2/,
    ],
    [
      "a standby on an old timeline",
      { nodes: [node(primaryDetails("postgres-1")), node(standbyDetails("postgres-2", { timeline: 2 }))] },
      /^postgres-2: follows timeline 2, and the primary has 3: bin\/veza rebuild-standby postgres-2$/,
    ],
    [
      "a standby far behind",
      { nodes: [node(primaryDetails("postgres-1")), node(standbyDetails("postgres-2", { lagBytes: 2e9 }))] },
      /^postgres-2: is 1\.9 GiB behind/,
    ],
    [
      "a fenced node",
      {
        nodes: [
          node(primaryDetails("postgres-1")),
          node(standbyDetails("postgres-2", { state: "fenced", fenced: "flip to postgres-1" })),
        ],
      },
      /^postgres-2: is fenced \(flip to postgres-1\)/,
    ],
    [
      "a node without data",
      {
        nodes: [
          node(primaryDetails("postgres-1")),
          node(standbyDetails("postgres-2", { role: "down", state: "down", systemIdentifier: null })),
        ],
      },
      /^postgres-2: has no data: bin\/veza rebuild-standby postgres-2 copies/,
    ],
  ])("is degraded by %s", (_, changes, problem) => {
    const judgement = judge(topology(changes));
    expect(judgement).toMatchObject({ verdict: "degraded", primary: "postgres-1" });
    expect(judgement.problems).toEqual([expect.stringMatching(problem)]);
  });

  test("is shown with every node and router", () => {
    const seen = topology({ nodes: [node(primaryDetails("postgres-1")), silentNode("postgres-2")] });
    const text = topologyTables(seen, judge(seen));
    expect(text).toContain("postgres-1");
    expect(text).toMatch(/no answer/);
    expect(text).toMatch(/db-router-1.*UP, 0 sessions.*DOWN, 0 sessions/);
    expect(text).toContain("postgres-2: does not say what it is");
  });
});

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1.0 KiB"],
  [16 * 1024 * 1024, "16.0 MiB"],
])("%d bytes are %s", (bytes, words) => {
  expect(inWords(bytes)).toBe(words);
});
