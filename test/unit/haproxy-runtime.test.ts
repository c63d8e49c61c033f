import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  onWorker,
  parseProc,
  parseServersState,
  parseStat,
  serverStatus,
  setServerState,
  shutdownSessions,
} from "../../src/haproxy/runtime.ts";

// What HAProxy 3.0.11 answers.
const stateHeader =
  "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port";
const stateText = `1
${stateHeader}
3 api_pool 1 backend-api-1 10.77.0.21 2 8 100 100 72 15 3 4 6 22 0 1 - 8080 - 0 0 - - 8079
3 api_pool 2 backend-api-2 10.77.0.22 0 0 0 100 121 15 3 0 6 22 0 1 - 8080 - 0 0 - - 8079
5 follow-backend-api-1 1 backend-api-1 10.77.0.21 2 16 1 1 102 1 0 4 0 0 0 0 - 8080 - 0 0 - - 0

`;
const statHeader =
  "# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,status,weight,act,bck,chkfail,chkdown,lastchg,downtime,qlimit,pid,iid,sid,throttle,lbtot,tracked,type,rate,rate_lim,rate_max,check_status,check_code,check_duration,last_chk,";
const statText = `${statHeader}
edge,FRONTEND,,,3,9,8000,40,1,2,0,0,0,,,,,OPEN,,,,,,,,,1,2,0,,,,0,1,0,1,,,,,
api_pool,backend-api-1,0,0,2,3,,20,1,2,,0,,0,0,0,0,UP,100,1,0,0,0,17,0,,1,4,1,,20,,2,1,,1,L7OK,200,1,,
api_pool,backend-api-2,0,0,0,3,,20,1,2,,0,,0,0,0,0,DOWN 1/2,0,1,0,3,1,5,5,,1,4,2,,20,,2,1,,1,L4CON,,0,"Connection refused, ""again""",
api_pool,BACKEND,0,0,2,3,800,40,1,2,0,0,,0,0,0,0,UP,100,1,0,,0,17,0,,1,4,0,,40,,1,1,,1,,,,,

`;
const procText = `#<PID>          <type>          <reloads>       <uptime>        <version>
674             master          5 [failed: 2]   0d00h01m38s     3.0.11-1+deb13u3
# workers
1511            worker          0               0d00h00m01s     3.0.11-1+deb13u3
# old workers
1235            worker          1               0d00h00m13s     3.0.11-1+deb13u3
954             worker          3               0d00h00m43s     3.0.11-1+deb13u3
# programs

`;

describe("server states", () => {
  it("are read with what an operator and the agent want", () => {
    expect(parseServersState(stateText)).toEqual({
      ok: true,
      value: [
        {
          backend: "api_pool",
          server: "backend-api-1",
          id: 1,
          address: "10.77.0.21",
          port: 8080,
          health: "up",
          admin: "drain",
          weight: 100,
          initialWeight: 100,
        },
        {
          backend: "api_pool",
          server: "backend-api-2",
          id: 2,
          address: "10.77.0.22",
          port: 8080,
          health: "down",
          admin: "ready",
          weight: 0,
          initialWeight: 100,
        },
        // Drained because it follows another server, which is not an operator's wish for this one.
        {
          backend: "follow-backend-api-1",
          server: "backend-api-1",
          id: 1,
          address: "10.77.0.21",
          port: 8080,
          health: "up",
          admin: "ready",
          weight: 1,
          initialWeight: 1,
        },
      ],
    });
  });

  it("come back from any order of columns", () => {
    const [, , ...lines] = stateText.trim().split("\n");
    const columns = stateHeader.slice(2).split(" ");
    const expected = parseServersState(stateText);
    fc.assert(
      fc.property(fc.shuffledSubarray([...columns.keys()], { minLength: columns.length }), (order) => {
        const turned = (row: string[]): string => order.map((from) => row[from]).join(" ");
        const text = `1\n# ${turned(columns)}\n${lines.map((line) => turned(line.split(" "))).join("\n")}\n`;
        expect(parseServersState(text)).toEqual(expected);
      }),
    );
  });
});

describe("statistics", () => {
  it("are read with quoted fields and without those a line does not have", () => {
    const none = { perSecond: 1, errors: 0 };
    expect(parseStat(statText)).toEqual({
      ok: true,
      value: [
        { proxy: "edge", name: "FRONTEND", kind: "frontend", status: "OPEN", sessions: 3, ...none },
        {
          proxy: "api_pool",
          name: "backend-api-1",
          kind: "server",
          status: "UP",
          sessions: 2,
          ...none,
          weight: 100,
          lastCheck: "L7OK in 1ms",
          lastChangeSeconds: 17,
        },
        {
          proxy: "api_pool",
          name: "backend-api-2",
          kind: "server",
          status: "DOWN 1/2",
          sessions: 0,
          ...none,
          weight: 0,
          lastCheck: 'L4CON in 0ms: Connection refused, "again"',
          lastChangeSeconds: 5,
        },
        {
          proxy: "api_pool",
          name: "BACKEND",
          kind: "backend",
          status: "UP",
          sessions: 2,
          ...none,
          weight: 100,
          lastChangeSeconds: 17,
        },
      ],
    });
  });

  it("name any check result as it is", () => {
    const text = fc.string().filter((one) => !/[\r\n]/.test(one));
    fc.assert(
      fc.property(text, (result) => {
        const quoted = `"${result.replaceAll('"', '""')}"`;
        const parsed = parseStat(statText.replace(/,"Connection.*",\n/, () => `,${quoted},\n`));
        expect(parsed.ok && parsed.value[2]?.lastCheck).toBe(
          `L4CON in 0ms${result === "" ? "" : `: ${result}`}`,
        );
      }),
    );
  });

  it("say how a server is, whatever HAProxy adds to the word", () => {
    const words = {
      UP: "up",
      "UP 1/3": "up",
      "DOWN 1/2": "down",
      "DOWN (agent)": "down",
      "DRAIN (agent)": "drain",
      "MAINT (via api_pool/x)": "maint",
      "no check": "unchecked",
      "": "unknown",
    };
    for (const [status, meaning] of Object.entries(words)) expect(serverStatus({ status })).toBe(meaning);
  });
});

describe("processes", () => {
  it("are told apart: master, worker, old workers", () => {
    expect(parseProc(procText)).toEqual({
      ok: true,
      value: {
        master: { pid: 674, reloads: 5 },
        worker: { pid: 1511, reloads: 0 },
        oldWorkers: [
          { pid: 1235, reloads: 1 },
          { pid: 954, reloads: 3 },
        ],
        failedReloads: 2,
      },
    });
  });
});

describe("an answer that was cut off", () => {
  it("is never taken for an empty one", () => {
    for (const parse of [parseServersState, parseStat, parseProc]) expect(parse("").ok).toBe(false);
    for (const [parse, text] of [
      [parseServersState, stateText],
      [parseStat, statText],
    ] as const) {
      const whole = parse(text);
      fc.assert(
        fc.property(fc.integer({ min: 1, max: text.trimEnd().length }), (length) => {
          const parsed = parse(text.slice(0, length));
          // Cut between two lines it is a shorter answer; inside a line it is none.
          const servers = parsed.ok ? parsed.value : [];
          expect(whole.ok && whole.value.slice(0, servers.length)).toEqual(servers);
        }),
      );
    }
  });
});

describe("commands", () => {
  it("are one line each", () => {
    expect(setServerState({ backend: "api_pool", server: "backend-api-1" }, "drain")).toBe(
      "set server api_pool/backend-api-1 state drain\n",
    );
    expect(onWorker(1235, shutdownSessions({ backend: "api_pool", server: "backend-api-1" }))).toBe(
      "@!1235 shutdown sessions server api_pool/backend-api-1\n",
    );
  });

  it("take no name that is more than a name", () => {
    const names = fc.tuple(fc.string(), fc.constantFrom("\n", ";", " ", "/", "\\"), fc.string());
    fc.assert(
      fc.property(names, (parts) => {
        const name = parts.join("");
        expect(() => setServerState({ backend: "api_pool", server: name }, "maint")).toThrow(RangeError);
        expect(() => shutdownSessions({ backend: name, server: "backend-api-1" })).toThrow(RangeError);
      }),
    );
    for (const pid of [0, -1, 1.5, NaN]) expect(() => onWorker(pid, "show info\n")).toThrow(RangeError);
  });
});
