import { board, history, line, queries } from "./view.js";

/** Milliseconds between two looks. */
const pause = 5_000;

/**
 * @param {string} path
 * @param {Record<string, string>} parameters
 * @returns {Promise<any>}
 */
async function ask(path, parameters = {}) {
  const url = `../api/v1/${path}?${new URLSearchParams(parameters)}`;
  const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  const { status, data, error } = await answer.json();
  if (status !== "success") throw new Error(`${path}: ${error}`);
  return data;
}

/** @returns {Promise<import("./view.js").Answers>} */
async function answers() {
  const now = Date.now() / 1000;
  const names = /** @type {(keyof typeof queries)[]} */ (Object.keys(queries));
  const [alerts, series, ...samples] = await Promise.all([
    ask("alerts"),
    ask("query_range", {
      query: history.query,
      start: String(now - history.seconds),
      end: String(now),
      step: String(history.step),
    }),
    ...names.map((name) => ask("query", { query: queries[name] })),
  ]);
  const instant = Object.fromEntries(names.map((name, index) => [name, samples[index].result]));
  return /** @type {import("./view.js").Answers} */ ({
    ...instant,
    alerts: alerts.alerts,
    requestHistory: series.result,
  });
}

/**
 * @param {string} name
 * @param {Record<string, string>} attributes
 * @param {...(Node | string)} children
 */
function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** @param {import("./view.js").Word} word */
const spoken = ({ text, tone }) => element("span", { class: tone }, text);

/**
 * @param {string[]} heads those that end with # are of numbers
 * @param {(Node | string)[][]} rows
 */
function table(heads, rows) {
  /** @type {(tag: string, cells: (Node | string)[]) => HTMLElement} */
  const row = (tag, cells) =>
    element(
      "tr",
      {},
      ...cells.map((cell, n) => element(tag, heads[n]?.endsWith("#") ? { class: "number" } : {}, cell)),
    );
  return element(
    "table",
    {},
    row(
      "th",
      heads.map((head) => head.replace("#", "")),
    ),
    ...rows.map((cells) => row("td", cells)),
  );
}

/**
 * @param {string} id
 * @param {string} title
 * @param {string} remark
 * @param {...Node} content
 */
const section = (id, title, remark, ...content) =>
  element(
    "section",
    { id, ...(id === "alerts" ? { class: "wide" } : {}) },
    element("h2", {}, title, " ", element("small", {}, remark)),
    ...content,
  );

/** @param {[string, Node | string][]} facts */
const facts = (facts) =>
  element(
    "dl",
    {},
    ...facts.map(([what, value]) => element("div", {}, element("dt", {}, what), element("dd", {}, value))),
  );

/** @param {string} points */
function drawn(points) {
  const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  picture.setAttribute("viewBox", "0 0 100 30");
  picture.setAttribute("preserveAspectRatio", "none");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
  path.setAttribute("points", points);
  picture.append(path);
  return picture;
}

/**
 * @param {ReturnType<typeof board>} shown
 * @param {number} now
 */
function sections(shown, now) {
  const { alerts, pools, certificates, nodes, targets, drift } = shown;
  return [
    ...(alerts.length === 0
      ? []
      : [
          section(
            "alerts",
            "Alerts",
            "",
            table(
              ["state", "alert", "for", "what", "next"],
              alerts.map(({ state, tone, name, since, summary, next }) => [
                spoken({ text: state, tone }),
                name,
                since,
                summary,
                element("code", {}, next),
              ]),
            ),
          ),
        ]),
    ...pools.map((pool) =>
      section(
        pool.name,
        pool.name,
        pool.remark,
        drawn(line(pool.history, now)),
        facts([
          ["requests", pool.requests],
          ["errors", pool.errors],
          ["mean time", pool.mean],
        ]),
        table(
          ["server", "state", "sessions#"],
          pool.servers.map(({ name, state, sessions }) => [name, spoken(state), sessions]),
        ),
      ),
    ),
    ...(nodes.length === 0
      ? []
      : [
          section(
            "database",
            "Database",
            "",
            table(
              ["node", "state", "behind#", "timeline#"],
              nodes.map(({ name, state, lag, timeline }) => [name, spoken(state), lag, timeline]),
            ),
          ),
        ]),
    ...(certificates.length === 0
      ? []
      : [
          section(
            "certificates",
            "Certificates",
            "",
            table(
              ["name", "left", "last renewal"],
              certificates.map(({ name, left, renewal }) => [name, spoken(left), renewal]),
            ),
          ),
        ]),
    section(
      "watch",
      "Watched",
      "",
      facts([
        ["targets up", `${targets.up} of ${targets.all}`],
        ["drift", spoken(drift)],
      ]),
      ...targets.down.map((target) => element("p", { class: "bad" }, `${target} does not answer`)),
    ),
  ];
}

/** @param {string} id */
function place(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

async function look() {
  try {
    const seen = await answers();
    const now = Date.now() / 1000;
    const shown = board(seen, now);
    place("stack").textContent = shown.stack;
    place("verdict").replaceChildren(spoken(shown.verdict));
    place("board").replaceChildren(...sections(shown, now));
    document.title = `${shown.verdict.text} · veza-edge ${shown.stack}`;
    document.body.classList.remove("stale");
  } catch (error) {
    const text = `Prometheus does not answer since ${new Date().toLocaleTimeString()}: ${String(error)}`;
    if (!document.body.classList.contains("stale"))
      place("verdict").replaceChildren(spoken({ text, tone: "bad" }));
    document.body.classList.add("stale");
  }
  setTimeout(look, pause);
}

await look();
