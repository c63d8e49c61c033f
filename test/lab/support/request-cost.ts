import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { apiServers, applications, edge, type HaproxyLab } from "../haproxy-lab.ts";

const minimalPort = 8098;

/** What a person would write who only wants to balance. */
const minimal = `
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend minimal
    bind :${String(minimalPort)}
    default_backend servers
backend servers
${apiServers.map(({ name, port }) => `    server ${name} ${applications}:${String(port)}`).join("\n")}
`;

/**
 * Measures what a request costs beside what it costs through a configuration that only balances, in turns: processor
 * time of HAProxy and of whoever stores its log, as ratios.
 */
export async function requestCosts(lab: HaproxyLab, rounds: number, requests: number): Promise<number[]> {
  await lab.write("haproxy", "/root/minimal.cfg", minimal);
  await lab.shell("haproxy", "systemd-run -q --unit minimal haproxy -W -f /root/minimal.cfg");
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const bare = await cost(lab, minimalPort, requests);
    ratios.push((await cost(lab, 80, requests)) / bare);
  }
  await lab.shell("haproxy", "systemctl stop minimal");
  return ratios;
}

/** Nanoseconds for a request. */
async function cost(lab: HaproxyLab, port: number, requests: number): Promise<number> {
  const before = await taken(lab);
  await Promise.all(Array.from({ length: 8 }, () => ask(port, requests / 8)));
  return ((await taken(lab)) - before) / requests;
}

async function taken(lab: HaproxyLab): Promise<number> {
  const script = await readFile(new URL("processor-time.sh", import.meta.url), "utf8");
  const said = await lab.shell("haproxy", `bash -s haproxy <<'END'\n${script}END`);
  return said
    .trim()
    .split("\n")
    .reduce((sum, line) => sum + Number(line), 0);
}

/** So many requests on one connection, twenty-five sent at a time: what is measured is not how HAProxy waits for them. */
async function ask(port: number, times: number): Promise<void> {
  const request = "GET /api/v1/health HTTP/1.1\r\nHost: edge.test\r\nUser-Agent: cost\r\n\r\n";
  const answer = "HTTP/1.1 200 OK\r\n";
  const socket = connect(port, edge);
  let [asked, answered, rest] = [0, 0, ""];
  await new Promise<void>((resolve, reject) => {
    const more = (): void => {
      const count = Math.min(25, times - asked);
      asked += count;
      socket.write(request.repeat(count));
    };
    socket.setEncoding("latin1");
    socket.on("connect", more);
    socket.on("error", reject);
    socket.on("close", () => {
      reject(new Error(`port ${String(port)} closed after ${String(answered)} answers`));
    });
    socket.on("data", (text: string) => {
      const said = rest + text;
      answered += said.split(answer).length - 1;
      rest = said.slice(1 - answer.length);
      if (answered === times) resolve();
      else if (answered === asked) more();
    });
  });
  socket.removeAllListeners("close").destroy();
}
