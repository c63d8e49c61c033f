import { get } from "node:http";
import { apiAddress, edgeAddress, ids, streamAddress, type Place, type Wanted } from "./contender.ts";

/** How often is looked, in ms. */
const interval = 50;

interface Answer {
  readonly status: number;
  readonly cookie: string;
}

/** Resolves with the seconds since `started` when the condition holds; rejects after 10 min, or by the signal. */
export async function until(
  started: number,
  condition: () => Promise<boolean>,
  signal: AbortSignal,
): Promise<number> {
  while (!(await condition())) {
    signal.throwIfAborted();
    if (performance.now() - started > 600_000)
      throw new Error("what was asked for is not there after 10 min");
    await new Promise((resolve) => setTimeout(resolve, interval));
  }
  return (performance.now() - started) / 1000;
}

/** Every instance by itself, and the edge with its cookie. */
export async function everythingAnswers(place: Place, wanted: Wanted): Promise<boolean> {
  if (!(await isLive(place, wanted.cookie))) return false;
  const answers = await Promise.all([
    ...ids(wanted.api).map((id) => ask(`http://${apiAddress(place, id)}:8080/api/v1/health`)),
    ...ids(wanted.stream).map((id) => ask(`http://${streamAddress(place, id)}:8082/health`)),
  ]);
  return answers.every(({ status }) => status === 200);
}

/** The edge hands out a cookie of this name. */
export async function isLive(place: Place, cookie: string): Promise<boolean> {
  const answer = await ask(`http://${edgeAddress(place)}/api/v1/health`);
  return answer.status === 200 && answer.cookie.startsWith(`${cookie}=`);
}

/** The edge sends a client without a cookie to this instance. */
export async function takesTraffic(place: Place, instance: string): Promise<boolean> {
  const { cookie } = await ask(`http://${edgeAddress(place)}/api/v1/health`);
  return cookie.split(";")[0]?.endsWith(`=${instance}`) === true;
}

/** On a connection of its own: after a reload, an older one still leads to the old worker. */
function ask(url: string): Promise<Answer> {
  return new Promise((resolve) => {
    const nothing = { status: 0, cookie: "" };
    const request = get(url, { agent: false, timeout: 1_000 }, (response) => {
      response.resume();
      response.once("error", () => {
        resolve(nothing);
      });
      response.once("end", () => {
        resolve({ status: response.statusCode ?? 0, cookie: response.headers["set-cookie"]?.[0] ?? "" });
      });
    });
    request.once("timeout", () => request.destroy());
    request.once("error", () => {
      resolve(nothing);
    });
  });
}
