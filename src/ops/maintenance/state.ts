import { readMap, type MapView } from "./map.ts";
import { balancers, inEach, services, type Answer } from "./says.ts";
import type { MaintenanceSite, Place, ServicePlace } from "./site.ts";

/** Whether a stack is in maintenance, as everybody concerned said it within the same second or two. */
export interface MaintenanceState {
  readonly loadBalancers: readonly LoadBalancerState[];
  readonly services: readonly ServiceState[];
}

export interface LoadBalancerState {
  readonly name: string;
  /** Why it did not say what is so; absent where it did. */
  readonly silence?: string;
  /** What the running HAProxy does; absent where none runs. */
  readonly live?: MapView;
  /** What one would do that is started now. */
  readonly file: MapView;
  /** Networks that its configuration lets through. */
  readonly allowedByConfig: readonly string[];
}

export interface ServiceState {
  readonly name: string;
  readonly service: string;
  /** Why it did not say what is so; absent where it did. */
  readonly silence?: string;
  /** systemd's word: `active`, `inactive`, `failed` … */
  readonly state: string;
  /** Whether a maintenance keeps it stopped. */
  readonly keptStopped: boolean;
}

/** `unknown`: no load balancer says what is so. */
export type Verdict = "open" | "closed" | "mixed" | "unknown";

export interface Judgement {
  readonly verdict: Verdict;
  /** What is not as one maintenance, or none, would have it; empty: all agree. */
  readonly problems: readonly string[];
}

/** Seconds that a container has to say what is so. */
const lookSeconds = 20;

/** Asks every load balancer and every instance, at the same time. What does not answer is part of the answer. */
export async function look(site: MaintenanceSite): Promise<MaintenanceState> {
  const calls = [...balancers(site, { DO: "look" }), ...services(site, "look")];
  const answers = await inEach(site, calls, lookSeconds);
  const before = site.loadBalancers.length;
  return {
    loadBalancers: site.loadBalancers.map((at, n) => loadBalancerState(at, answers[n])),
    services: site.services.map((at, n) => serviceState(at, answers[before + n])),
  };
}

export function loadBalancerState({ name }: Place, answer: Answer | undefined): LoadBalancerState {
  const nothing = { file: readMap([]), allowedByConfig: [] };
  if (answer?.end !== "done") return { name, silence: answer?.text ?? "", ...nothing };
  const of = linesOf(answer.text);
  const runs = of("haproxy")[0] === "active" && of("known")[0] === "yes";
  return {
    name,
    ...(runs && { live: readMap(of("live")) }),
    file: readMap(of("file")),
    allowedByConfig: of("allowed").flatMap((networks) => networks.split(" ")),
  };
}

export function serviceState({ name, service }: ServicePlace, answer: Answer | undefined): ServiceState {
  if (answer?.end !== "done")
    return { name, service, silence: answer?.text ?? "", state: "unknown", keptStopped: false };
  const of = linesOf(answer.text);
  return { name, service, state: of("service")[0] ?? "unknown", keptStopped: of("kept")[0] === "stopped" };
}

/** What follows a word at the beginning of lines. */
function linesOf(text: string): (word: string) => string[] {
  const lines = text.split("\n");
  return (word) =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
}

/** What is to be said about it. */
export function judge({ loadBalancers, services }: MaintenanceState): Judgement {
  const known = loadBalancers.filter(({ silence }) => silence === undefined);
  const closed = known.filter(({ live, file }) => (live ?? file).closed);
  const stopped = services.filter(({ keptStopped }) => keptStopped);
  const problems = [
    ...[...loadBalancers, ...services].flatMap(({ name, silence }) =>
      silence === undefined ? [] : [`${name} does not say what is so: ${silence}`],
    ),
    ...known.flatMap(loadBalancerProblems),
    ...(closed.length > 0 && closed.length < known.length
      ? [`closed: ${names(closed)}; open: ${names(known.filter((one) => !closed.includes(one)))}`]
      : []),
    ...services.flatMap(serviceProblems),
    ...(stopped.length > 0 && stopped.length < services.length && closed.length > 0
      ? [`kept stopped: ${names(stopped)}; not: ${names(services.filter(({ keptStopped }) => !keptStopped))}`]
      : []),
    ...(stopped.length > 0 && closed.length === 0
      ? [`${names(stopped)} kept stopped, though no load balancer is closed`]
      : []),
  ];
  const isUnknown = loadBalancers.length > 0 && known.length === 0;
  return {
    verdict: isUnknown ? "unknown" : verdictOf(closed.length, known.length, stopped.length),
    problems,
  };
}

function verdictOf(closed: number, known: number, stopped: number): Verdict {
  if (closed === 0 && stopped === 0) return "open";
  return closed === known && closed > 0 ? "closed" : "mixed";
}

function loadBalancerProblems({ name, live, file }: LoadBalancerState): string[] {
  if (live === undefined) return [`${name}: its HAProxy does not run, or has a configuration from before`];
  const same = live.closed === file.closed && live.allow.join() === file.allow.join();
  return same ? [] : [`${name}: what runs is not what its next start will find`];
}

function serviceProblems({ name, service, state, keptStopped }: ServiceState): string[] {
  return keptStopped && state === "active" ? [`${name}: ${service} runs, and should be kept stopped`] : [];
}

function names(all: readonly { readonly name: string }[]): string {
  return all.map(({ name }) => name).join(", ");
}
