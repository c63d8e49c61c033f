import { describe, expect, it } from "@jest/globals";
import {
  ago,
  board,
  history,
  line,
  queries,
  type Answers,
  type Sample,
} from "../../stacks/monitoring/dashboard/view.js";

const now = 1_800_000_000;

function sample(metric: Record<string, string>, value: number): Sample {
  return { metric, value: [now, String(value)] };
}

const nothing: Answers = {
  ...(Object.fromEntries(Object.keys(queries).map((name) => [name, []])) as unknown as Record<
    keyof typeof queries,
    Sample[]
  >),
  requestHistory: [],
  alerts: [],
};

const api = { proxy: "api_pool" };
const one = { ...api, server: "backend-api-1" };
const two = { ...api, server: "backend-api-2" };

/** Two servers, of which the second is down for one of two load balancers. */
const busy: Answers = {
  ...nothing,
  stack: [sample({ stack: "lab" }, 1)],
  up: [sample(two, 0), sample(one, 1)],
  servers: [
    sample({ ...one, state: "UP", instance: "haproxy" }, 1),
    sample({ ...two, state: "UP", instance: "haproxy" }, 1),
    sample({ ...two, state: "DOWN", instance: "haproxy-2" }, 1),
    sample({ proxy: "letsencrypt_backend", server: "sidecar", state: "no check" }, 1),
  ],
  sessions: [sample(one, 12)],
  requests: [sample(api, 123.4)],
  errors: [sample(api, 0.0123)],
  mean: [sample(api, 0.0174)],
  targets: [
    sample({ job: "haproxy", instance: "haproxy" }, 1),
    sample({ job: "postgres", instance: "postgres-2" }, 0),
  ],
  requestHistory: [{ metric: api, values: [[now - 60, "2"], [now, "8"]] }], // prettier-ignore
};

describe("the dashboard", () => {
  it("shows a pool with its servers in order, and what the load balancers say about each", () => {
    const { pools, stack } = board(busy, now);
    expect(stack).toBe("lab");
    expect(pools).toEqual([
      {
        name: "api_pool",
        remark: "requests per second in the last hour, 8.0/s at most",
        requests: "123/s",
        errors: "1.23 %",
        mean: "17 ms",
        history: [
          { time: now - 60, value: 2 },
          { time: now, value: 8 },
        ],
        servers: [
          { name: "backend-api-1", state: { text: "UP", tone: "good" }, sessions: "12" },
          { name: "backend-api-2", state: { text: "DOWN, UP", tone: "bad" }, sessions: "–" },
        ],
      },
    ]);
  });

  it("says what is not measured, instead of a number", () => {
    const { pools, targets, drift, verdict } = board({ ...nothing, up: [sample(one, 1)] }, now);
    expect(pools[0]).toMatchObject({ requests: "–", errors: "–", mean: "–" });
    expect(pools[0]?.servers[0]?.state).toEqual({ text: "not seen", tone: "worry" });
    expect(targets).toEqual({ up: 0, all: 0, down: [] });
    expect(drift).toEqual({ text: "nobody has looked", tone: "quiet" });
    expect(verdict).toEqual({ text: "nothing was measured yet", tone: "worry" });
  });

  it("names the targets that are down", () => {
    expect(board(busy, now).targets).toEqual({ up: 1, all: 2, down: ["postgres of postgres-2"] });
  });

  it("has firing alerts first, pages before tickets, and counts the firing ones", () => {
    const alert = (alertname: string, state: string, severity: string): Answers["alerts"][number] => ({
      labels: { alertname, severity },
      annotations: { summary: `${alertname}!`, next: "look" },
      state,
      activeAt: new Date((now - 600) * 1000).toISOString(),
    });
    const alerts = [
      alert("Pending", "pending", "page"),
      alert("Ticket", "firing", "ticket"),
      alert("Page", "firing", "page"),
    ];
    const shown = board({ ...busy, alerts }, now);
    expect(shown.verdict).toEqual({ text: "2 alerts", tone: "bad" });
    expect(shown.alerts.map(({ name, tone, since }) => `${name} ${tone} ${since}`)).toEqual([
      "Page bad 10 min",
      "Ticket bad 10 min",
      "Pending worry 10 min",
    ]);
  });

  it("shows how long certificates are good for, and renewals that fail", () => {
    const named = (name: string, value: number): Sample => sample({ name }, value);
    const { certificates } = board(
      {
        ...nothing,
        issued: [named("b.test", 1), named("a.test", 1), named("c.test", 0)],
        daysLeft: [named("a.test", 89.9), named("b.test", 12)],
        renewed: [named("a.test", 0), named("b.test", 1)],
      },
      now,
    );
    expect(certificates).toEqual([
      { name: "a.test", left: { text: "89 days", tone: "worry" }, renewal: "failed" },
      { name: "b.test", left: { text: "12 days", tone: "bad" }, renewal: "well" },
      { name: "c.test", left: { text: "never issued", tone: "bad" }, renewal: "well" },
    ]);
  });

  it("shows who is the primary, and how far behind the other one is", () => {
    const { nodes } = board(
      {
        ...nothing,
        nodes: [
          sample({ node: "postgres-2", state: "stale" }, 1),
          sample({ node: "postgres-1", state: "primary" }, 1),
        ],
        lag: [sample({ node: "postgres-1" }, 5 * 1024 * 1024), sample({ node: "postgres-2" }, 0)],
        timeline: [sample({ node: "postgres-1" }, 3)],
      },
      now,
    );
    expect(nodes).toEqual([
      { name: "postgres-1", state: { text: "primary", tone: "good" }, lag: "5.0 MiB", timeline: "3" },
      { name: "postgres-2", state: { text: "stale", tone: "bad" }, lag: "0 B", timeline: "–" },
    ]);
  });

  it("says when drift was looked for, and what came of it", () => {
    const looked = { ...nothing, driftLook: [sample({}, now - 7200)] };
    expect(board({ ...looked, drift: [sample({}, 0)] }, now).drift).toEqual({
      text: "none, 2 h ago",
      tone: "good",
    });
    expect(board({ ...looked, drift: [sample({}, 3)] }, now).drift.text).toBe("3 things differ, 2 h ago");
  });

  it("draws the last hour from left to right, the highest value at the top", () => {
    const hour = history.seconds;
    expect(
      line(
        [
          { time: now - hour, value: 0 },
          { time: now - hour / 2, value: 4 },
          { time: now, value: 8 },
        ],
        now,
      ),
    ).toBe("0.00,29.00 50.00,15.00 100.00,1.00");
  });

  it.each([
    [-3, "0 s"],
    [89, "89 s"],
    [600, "10 min"],
    [7200, "2 h"],
    [345_600, "4 days"],
  ])("says %d seconds as %s", (seconds, text) => {
    expect(ago(seconds)).toBe(text);
  });
});
