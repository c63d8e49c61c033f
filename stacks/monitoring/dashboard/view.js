/**
 * What the page shows, worked out of what Prometheus answers. Knows no browser.
 *
 * @typedef {{ metric: Record<string, string>, value: [number, string] }} Sample one value of an instant query
 * @typedef {{ metric: Record<string, string>, values: [number, string][] }} Series values of a range query
 * @typedef {{ labels: Record<string, string>, annotations: Record<string, string>, state: string, activeAt: string }} Alert
 * @typedef {"good" | "worry" | "bad" | "quiet"} Tone
 * @typedef {{ text: string, tone: Tone }} Word
 * @typedef {Record<keyof typeof queries, Sample[]> & { requestHistory: Series[], alerts: Alert[] }} Answers
 */

/** What Prometheus is asked, by name. */
export const queries = {
  stack: "veza_stack_info",
  servers: 'haproxy_server_status{job="haproxy"} == 1',
  up: "pool_server:haproxy_up:min",
  sessions: "pool_server:haproxy_sessions:sum",
  requests: "pool:haproxy_requests:rate",
  errors: "pool:haproxy_errors:ratio",
  mean: "pool:haproxy_request_seconds:mean",
  daysLeft: "veza_certificate_days_left",
  issued: "veza_certificate_issued",
  renewed: "veza_certificate_last_renewal_success",
  nodes: "veza_postgres_state == 1",
  lag: "veza_postgres_replication_lag_bytes",
  timeline: "veza_postgres_timeline",
  targets: "up",
  drift: "veza_drift_items",
  driftLook: "veza_drift_last_look_timestamp_seconds",
};

/** What is drawn: the last hour. */
export const history = { query: queries.requests, seconds: 3600, step: 30 };

/**
 * @param {Answers} answers
 * @param {number} now seconds since 1970
 */
export function board(answers, now) {
  const alerts = alertRows(answers.alerts, now);
  const firing = alerts.filter(({ state }) => state === "firing").length;
  return {
    stack: answers.stack[0]?.metric["stack"] ?? "",
    verdict: verdictOn(answers, firing),
    alerts,
    pools: pools(answers),
    certificates: certificates(answers),
    nodes: nodes(answers),
    targets: targets(answers),
    drift: drift(answers, now),
  };
}

/**
 * @param {Answers} answers
 * @param {number} firing
 * @returns {Word}
 */
function verdictOn(answers, firing) {
  if (answers.targets.length === 0) return { text: "nothing was measured yet", tone: "worry" };
  if (firing === 0) return { text: "no alert", tone: "good" };
  return { text: firing === 1 ? "1 alert" : `${firing} alerts`, tone: "bad" };
}

/**
 * @param {Alert[]} alerts
 * @param {number} now
 */
function alertRows(alerts, now) {
  /** @type {(alert: Alert) => number} */
  const rank = ({ state, labels }) => (state === "firing" ? 0 : 2) + (labels["severity"] === "page" ? 0 : 1);
  return [...alerts]
    .sort((a, b) => rank(a) - rank(b) || a.activeAt.localeCompare(b.activeAt))
    .map(({ labels, annotations, state, activeAt }) => ({
      state,
      name: labels["alertname"] ?? "",
      tone: /** @type {Tone} */ (state !== "firing" ? "worry" : "bad"),
      since: ago(now - Date.parse(activeAt) / 1000),
      summary: annotations["summary"] ?? "",
      next: annotations["next"] ?? "",
    }));
}

/** @param {Answers} answers */
function pools(answers) {
  const names = [...new Set(answers.up.map(({ metric }) => metric["proxy"] ?? ""))].sort();
  return names.map((name) => ({
    name,
    ...drawing(answers.requestHistory.find(({ metric }) => metric["proxy"] === name)?.values ?? []),
    requests: perSecond(valueOf(answers.requests, { proxy: name })),
    errors: percent(valueOf(answers.errors, { proxy: name })),
    mean: milliseconds(valueOf(answers.mean, { proxy: name })),
    servers: answers.up
      .filter(({ metric }) => metric["proxy"] === name)
      .map(({ metric }) => metric["server"] ?? "")
      .sort()
      .map((server) => ({
        name: server,
        state: stateOf(answers.servers, name, server),
        sessions: count(valueOf(answers.sessions, { proxy: name, server })),
      })),
  }));
}

/** @param {[number, string][]} values */
function drawing(values) {
  const points = values.map(([time, value]) => ({ time, value: Number(value) }));
  const highest = points.length === 0 ? undefined : Math.max(...points.map(({ value }) => value));
  return { history: points, remark: `requests per second in the last hour, ${perSecond(highest)} at most` };
}

/**
 * What the load balancers say about a server; all of it, when they differ.
 *
 * @param {Sample[]} samples
 * @param {string} proxy
 * @param {string} server
 * @returns {Word}
 */
function stateOf(samples, proxy, server) {
  const states = samples
    .filter(({ metric }) => metric["proxy"] === proxy && metric["server"] === server)
    .map(({ metric }) => metric["state"] ?? "");
  const text = [...new Set(states)].sort().join(", ");
  if (text === "") return { text: "not seen", tone: "worry" };
  if (states.includes("DOWN")) return { text, tone: "bad" };
  return { text, tone: text === "UP" ? "good" : "worry" };
}

/** @param {Answers} answers */
function certificates({ issued, daysLeft, renewed }) {
  return issued
    .map(({ metric, value }) => {
      const name = metric["name"] ?? "";
      const days = valueOf(daysLeft, { name });
      const failed = valueOf(renewed, { name }) === 0;
      /** @type {Tone} */
      const tone = days === undefined || days < 15 ? "bad" : failed ? "worry" : "good";
      const left = value[1] === "1" && days !== undefined ? `${Math.floor(days)} days` : "never issued";
      return { name, left: { text: left, tone }, renewal: failed ? "failed" : "well" };
    })
    .sort((a, b) => a.name.localeCompare(b.name));
}

/** @param {Answers} answers */
function nodes(answers) {
  return answers.nodes
    .map(({ metric }) => {
      const node = metric["node"] ?? "";
      const state = metric["state"] ?? "";
      /** @type {Tone} */
      const tone = state === "primary" || state === "standby" ? "good" : "bad";
      return {
        name: node,
        state: { text: state, tone },
        lag: bytes(valueOf(answers.lag, { node })),
        timeline: count(valueOf(answers.timeline, { node })),
      };
    })
    .sort((a, b) => a.name.localeCompare(b.name));
}

/** @param {Answers} answers */
function targets(answers) {
  const down = answers.targets.filter(({ value }) => value[1] !== "1");
  return {
    up: answers.targets.length - down.length,
    all: answers.targets.length,
    down: down.map(({ metric }) => `${metric["job"] ?? ""} of ${metric["instance"] ?? ""}`).sort(),
  };
}

/**
 * @param {Answers} answers
 * @param {number} now
 * @returns {Word}
 */
function drift({ drift, driftLook }, now) {
  const looks = driftLook.map(({ value }) => Number(value[1]));
  if (looks.length === 0) return { text: "nobody has looked", tone: "quiet" };
  const items = drift.reduce((sum, { value }) => sum + Number(value[1]), 0);
  const when = `${ago(now - Math.min(...looks))} ago`;
  return items === 0
    ? { text: `none, ${when}`, tone: "good" }
    : { text: `${items} things differ, ${when}`, tone: "worry" };
}

/**
 * @param {Sample[]} samples
 * @param {Record<string, string>} labels
 * @returns {number | undefined}
 */
function valueOf(samples, labels) {
  const found = samples.find(({ metric }) =>
    Object.entries(labels).every(([name, value]) => metric[name] === value),
  );
  return found === undefined ? undefined : Number(found.value[1]);
}

/** @typedef {number | undefined} Measured */

/** @param {Measured} value */
const count = (value) => (value === undefined ? "–" : String(value));

/** @param {Measured} value */
const perSecond = (value) => (value === undefined ? "–" : `${value.toFixed(value < 10 ? 1 : 0)}/s`);

/** @param {Measured} value */
const percent = (value) => (value === undefined ? "–" : `${(100 * value).toFixed(value < 0.1 ? 2 : 0)} %`);

/** @param {Measured} value */
const milliseconds = (value) => (value === undefined ? "–" : `${Math.round(1000 * value)} ms`);

/** @param {Measured} value */
function bytes(value) {
  if (value === undefined) return "–";
  const units = ["B", "KiB", "MiB", "GiB"];
  const power = value < 1 ? 0 : Math.min(3, Math.floor(Math.log2(value) / 10));
  return `${(value / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power] ?? ""}`;
}

/**
 * @param {number} seconds
 * @returns {string}
 */
export function ago(seconds) {
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

/**
 * Points of a line in a box of 100 by 30, from zero to the highest value.
 *
 * @param {{ time: number, value: number }[]} values
 * @param {number} now seconds since 1970, at the right edge
 */
export function line(values, now) {
  const highest = Math.max(1e-9, ...values.map(({ value }) => value));
  return values
    .map(({ time, value }) => {
      const x = 100 * (1 - (now - time) / history.seconds);
      return `${x.toFixed(2)},${(29 - (28 * value) / highest).toFixed(2)}`;
    })
    .join(" ");
}
