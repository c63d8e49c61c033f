import { basename } from "node:path";
import type { FilesSpec } from "../../src/incus/files-body.ts";
import type { Progress } from "../../tools/progress.ts";
import { conditions, load, machine, median, publish, table, type Machine } from "../result.ts";
import { edgeUnit, renderedName } from "./balancers.ts";
import type { Contender } from "./contender.ts";
import { measured, type Sample } from "./measure.ts";
import type { Stage } from "./stage.ts";

/** The rendered configuration without what one expression finds in it. */
interface Cut {
  readonly name: string;
  readonly lines: RegExp;
  /** What stands there instead. @default nothing */
  readonly instead?: string;
}

const cuts: readonly Cut[] = [
  { name: "no access log", lines: /^ +(log (global|stdout .*)|(error-)?log-format .*)\n/gm },
  { name: "HAProxy's own format of the log, no JSON", lines: /^ +log-format .*\n/gm, instead: "    option httplog\n" },
  { name: "no names of host and browser in the log", lines: /^ +http-request capture .*\n/gm },
  { name: "no request ids", lines: /^ +(unique-id-format|http.* X-Request-ID) .*\n/gm },
  { name: "no forwarded headers", lines: /^ +http-request (del-header .*|set-header X-Forwarded-.*)\n/gm },
  { name: "no maintenance", lines: /^ +http-request return status 503 .*\n/gm },
  { name: "no proxy protocol", lines: /^ +tcp-request connection expect-proxy .*\n/gm },
  { name: "nobody is moved from servers that are emptied", lines: /^ +(ignore-persist|acl another_server) .*\n/gm },
  { name: "no sticky clients", lines: /^ +(ignore-persist|acl another_server|cookie VEZA_SERVERID) .*\n| cookie backend-api-\d/gm },
  { name: "no second tries", lines: /^ +(retries|retry-on|option redispatch|http-request disable-l7-retry) .*\n/gm },
  { name: "no probes of silent peers", lines: /^ +(option )?(clitcpka|srvtcpka).*\n/gm },
  { name: "failing requests take no server down", lines: /^ +default-server observe .*\n/gm },
  { name: "reloads may close a connection in use", lines: /^ +option idle-close-on-response\n/gm },
]; // prettier-ignore

export type LinesResult = Machine & { readonly seconds: number; readonly samples: readonly Sample[] };

/**
 * What single lines of the rendered configuration cost: it runs without them, in turns.
 * @throws Error when there are no such lines in it any more
 */
export async function compareLines(
  stage: Stage,
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
  progress: Progress,
): Promise<void> {
  const container = "edge";
  const address = await stage.balancer(container, "haproxy");
  const whole = edgeUnit(address, false);
  const variants = [{ name: renderedName, unit: whole }, ...cuts.map((cut) => without(whole, cut))];
  const everything = cuts.reduce((unit, cut) => without(unit, cut, false).unit, whole);
  variants.push({ name: "without any of these", unit: everything });

  const contender = (name: string): Contender => ({
    name,
    version: "",
    program: "haproxy",
    http: { to: `${address}:80`, container },
  });
  const samples: Sample[] = [];
  for (let round = 1; round <= rounds; round++)
    await progress.step(`Round ${String(round)} of ${String(rounds)}`, async (note) => {
      for (const { name, unit } of variants) {
        note(`${name}, load ${String(load())}`);
        await stage.apply(container, unit);
        const run = { contender: contender(name), kind: "requests", round, seconds, rate: 0 } as const;
        samples.push(await measured(stage, run));
      }
    });
  const result: LinesResult = { ...(await machine()), seconds, samples };
  await publish("path-lines", result, linesSection(result));
}

function without(
  unit: FilesSpec,
  { name, lines, instead = "" }: Cut,
  isAlone = true,
): { name: string; unit: FilesSpec } {
  const files = unit.files.map((file) =>
    basename(file.path) === "haproxy.cfg"
      ? { ...file, content: file.content.replaceAll(lines, instead) }
      : file,
  );
  if (isAlone && files.every(({ content }, index) => content === unit.files[index]?.content))
    throw new Error(`there are no lines in the rendered configuration that '${name}' would be without`);
  return { name, unit: { ...unit, files } };
}

function linesSection(result: LinesResult): string {
  const { samples } = result;
  const of = (who: string, value: (sample: Sample) => number): number =>
    median(samples.filter((one) => one.who === who).map(value));
  const cost = of(renderedName, ({ balancer }) => balancer);
  const rows = [...new Set(samples.map(({ who }) => who))].map((who) => {
    const own = of(who, ({ balancer }) => balancer);
    return [
      who,
      of(who, ({ perSecond }) => perSecond).toFixed(0),
      own.toFixed(1),
      who === renderedName ? "" : (cost - own).toFixed(1),
      of(who, ({ log }) => log).toFixed(1),
    ];
  });
  const rounds = Math.max(...samples.map(({ round }) => round));
  return [
    table(["configuration", "per second", "µs", "less", "µs for the log"], rows),
    `Requests on kept-alive connections, as fast as they are answered, and microseconds of processor time for each. Medians of ${String(rounds)} runs of ${String(result.seconds)} s, in turns. ${conditions(result, [], samples)}`,
  ].join("\n");
}
