import { z } from "zod";
import type { Progress } from "../tools/progress.ts";
import { bridge } from "../test/lab/support/edge-config.ts";
import { installAnsible } from "./apply/ansible-install.ts";
import { waysInto } from "./apply/ansible-ways.ts";
import { Ansible } from "./apply/ansible.ts";
import type { Contender, Reach, Wanted } from "./apply/contender.ts";
import { imagesFor } from "./apply/images.ts";
import { Ours } from "./apply/ours.ts";
import { applySection, type ApplyResult, type Case, type Failure, type Sample } from "./apply/report.ts";
import { everythingAnswers, isLive, takesTraffic, until } from "./apply/watch.ts";
import { load, machine, publish } from "./result.ts";
import { optionsFrom } from "./options.ts";
import { hostNames, openSite } from "./site.ts";

const options = z.object({
  /** Where the containers are. */
  host: z.enum(hostNames).default("local"),
  /** Numbers of instances of each of the two fleets, e.g. `2,8`. */
  sizes: z
    .string()
    .default("2")
    .transform((text) => text.split(",").map(Number))
    .pipe(z.array(z.int().min(1).max(8))),
  rounds: z.coerce.number().int().min(1).default(3),
});
const spec = { host: { type: "string" }, sizes: { type: "string" }, rounds: { type: "string" } } as const;
const usage =
  "npm run bench apply -- [--host local|ssh] [--sizes 2,8] [--rounds 3]; sizes from 1 to 8, and one host at a time";

/**
 * The same edge by `bin/pulumi up` and by an Ansible playbook, by each of its ways into containers, on bridges of their
 * own, in turns. A case is timed until what was asked for is seen from outside, and until the command ends.
 * @throws SetupError for options that it does not have
 */
export async function compareApply(words: readonly string[], progress: Progress): Promise<void> {
  const { host, sizes, rounds } = optionsFrom(words, spec, options, usage);
  const installed = await progress.step("Ansible", installAnsible);
  const opened: { close(): Promise<void> }[] = [];
  const closing = <T extends { close(): Promise<void> }>(one: T): T => {
    opened.unshift(one);
    return one;
  };
  try {
    const images = imagesFor(host);
    const site = await progress.step(`Host: ${host}`, async () => closing(await openSite(host, images)));
    const ours = closing(await Ours.open(site, images));
    const contenders: Contender[] = [ours];
    for (const [index, open] of waysInto(site).entries()) {
      const n = String(index + 1);
      const ansible = await Ansible.open({
        ...{ site, images, installed },
        way: closing(await open()),
        place: { subnet: site.subnet.replace(/\d+$/, n) },
        bridge: bridge.replace("vezat", `vezab${n}`),
        project: `veza-bench-ansible-${n}`,
        artifact: (app) => ours.artifact(app),
      });
      contenders.push(closing(ansible));
    }
    const samples: Sample[] = [];
    const failures: Failure[] = [];
    for (const size of sizes)
      for (let round = 1; round <= rounds; round++) {
        const begin = () =>
          contenders.map((one) => ({ who: one.name, cases: casesOf(one, size, round, progress) }));
        samples.push(...(await wholeRound(begin, (failure) => failures.push(failure))));
      }
    const result: ApplyResult = { ...(await machine()), ansible: installed.version, samples, failures };
    await publish(host === "local" ? "apply" : `apply-${host}`, result, applySection(result));
  } finally {
    for (const one of opened) await one.close();
  }
}

/** What one contender does in a round, sample by sample. */
interface Turns {
  readonly who: string;
  readonly cases: AsyncGenerator<Sample, void>;
}

/** How often a round is begun at most: a command that Incus lost the output of fails a whole playbook. */
const tries = 3;

/** A round in which nobody failed; one in which somebody did is told, and counts for nobody. */
async function wholeRound(
  begin: () => readonly Turns[],
  tell: (failure: Failure) => void,
): Promise<readonly Sample[]> {
  for (let left = tries; ; left--) {
    const samples: Sample[] = [];
    const failure = await inTurns(begin(), samples);
    if (failure === undefined) return samples;
    const [why = ""] = String(failure.error).split("\n");
    tell({ who: failure.who, why });
    if (left === 1) throw failure.error;
  }
}

/** One sample of each, again and again, so that a busy minute of the machine is a busy minute for all of them. */
async function inTurns(
  all: readonly Turns[],
  samples: Sample[],
): Promise<{ who: string; error: unknown } | undefined> {
  let running = [...all];
  while (running.length > 0) {
    for (const one of [...running]) {
      try {
        const next = await one.cases.next();
        if (next.done === true) running = running.filter((other) => other !== one);
        else samples.push(next.value);
      } catch (error) {
        return { who: one.who, error };
      }
    }
  }
  return undefined;
}

/** Every case once, each from where the one before it ended. */
async function* casesOf(
  contender: Contender,
  size: number,
  round: number,
  progress: Progress,
): AsyncGenerator<Sample, void> {
  const { place, name: who } = contender;
  const instances = `${String(size)}+${String(size)}`;
  let cookie = 1;
  let wanted: Wanted = { api: size, stream: size, cookie: "VEZA_1" };

  const timed = async (
    what: Case,
    reach: Reach,
    act: () => Promise<void>,
    holds: () => Promise<boolean>,
  ): Promise<Sample> => {
    await contender.ask(wanted);
    return progress.step(`${instances}, round ${String(round)}, ${who} (${reach}): ${what}`, async (note) => {
      const before = load();
      const started = performance.now();
      // A run that fails ends the wait for what will never be there.
      const failed = new AbortController();
      const [ended, seen] = await Promise.all([
        act().then(
          () => (performance.now() - started) / 1000,
          (error: unknown) => {
            failed.abort();
            throw error;
          },
        ),
        until(started, holds, failed.signal),
      ]);
      note(`seen after ${seen.toFixed(1)} s, ended after ${ended.toFixed(1)} s, load ${String(before)}`);
      return { size, round, who, reach, case: what, seen, ended, load: before };
    });
  };

  await progress.step(`${instances}, round ${String(round)}, ${who}: fresh containers`, () =>
    contender.begin(wanted),
  );
  const apply =
    (reach: Reach, ...touched: readonly string[]) =>
    (): Promise<void> =>
      contender.apply(reach, touched);
  const answers = (): Promise<boolean> => everythingAnswers(place, wanted);
  yield await timed("from nothing", "whole", apply("whole"), answers);
  yield await timed("nothing to do", "whole", apply("whole"), answers);
  const look = contender.look?.bind(contender);
  if (look) yield await timed("look at the hosts", "whole", look, answers);
  for (const reach of contender.reaches) {
    cookie++;
    wanted = { ...wanted, cookie: `VEZA_${String(cookie)}` };
    yield await timed("one line", reach, apply(reach, "haproxy"), () => isLive(place, wanted.cookie));

    const added = `backend-api-${String(size + 1)}`;
    wanted = { ...wanted, api: size + 1 };
    await contender.addContainer(wanted, added);
    yield await timed("one more instance", reach, apply(reach, added, "haproxy"), () =>
      takesTraffic(place, added),
    );
    wanted = { ...wanted, api: size };
    await contender.removeContainer(wanted, added);
  }
}
