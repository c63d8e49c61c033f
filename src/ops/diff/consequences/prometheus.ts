import {
  calm,
  careful,
  containerOf,
  listed,
  textOf,
  without,
  type BothSides,
  type Consequence,
  type UnitConsequences,
} from "./consequence.ts";

const configuration = "/etc/prometheus/prometheus.yml";
const restarting = "/etc/systemd/system/prometheus.service.d/veza.conf";

/** Unit `prometheus`: prometheus.sh of stacks/monitoring. */
export const prometheus: UnitConsequences = {
  created: (after) => [
    calm(`has promtool check the configuration, and starts Prometheus in ${containerOf(after)}`),
  ],
  changed: (change) => [...happens(change), ...ofTargets(change), ...ofAlerts(change)],
  deleted: (before) => [careful(`stops Prometheus in ${containerOf(before)}: nothing is watched any more`)],
};

function happens({ files, after }: BothSides): Consequence[] {
  const container = containerOf(after);
  if (files.some(({ path }) => path === restarting))
    return [
      calm(
        `has promtool check the configuration and restarts Prometheus in ${container}, because its systemd unit changes: nothing is measured for some seconds`,
      ),
    ];
  if (files.some(({ path }) => path.startsWith("/etc/prometheus/")))
    return [
      calm(
        `has promtool check the configuration and Prometheus in ${container} load it, without a restart; measurements stay`,
      ),
    ];
  if (files.length > 0) return [calm(`changes the dashboard in ${container}; Prometheus is not told`)];
  return [calm(`looks whether Prometheus runs in ${container}, and leaves it alone when it does`)];
}

function ofTargets({ before, after }: BothSides): Consequence[] {
  const [was = [], is = []] = [before, after].map((step) => targets(textOf(step, configuration)));
  const [joining, leaving] = [without(is, was), without(was, is)];
  return [
    ...(joining.length > 0 ? [calm(`begins to watch ${listed(joining)}`)] : []),
    ...(leaving.length > 0 ? [careful(`does not watch ${listed(leaving)} any more`)] : []),
  ];
}

/** `INSTANCE (JOB)` of everything that is scraped. */
function targets(text: string): string[] {
  let job = "";
  return text.split("\n").flatMap((line) => {
    job = /^ {2}- job_name: (\S+)/.exec(line)?.[1] ?? job;
    const [, instance] = /^ +instance: (\S+)/.exec(line) ?? [];
    return instance === undefined ? [] : [`${instance} (${job})`];
  });
}

function ofAlerts({ before, after }: BothSides): Consequence[] {
  const [was = [], is = []] = [before, after].map(alerts);
  const [coming, going] = [without(is, was), without(was, is)];
  return [
    ...(coming.length > 0 ? [calm(`begins to raise ${listed(coming)}`)] : []),
    ...(going.length > 0 ? [careful(`does not raise ${listed(going)} any more`)] : []),
  ];
}

function alerts({ files }: BothSides["after"]): string[] {
  return files
    .filter(({ path }) => path.startsWith("/etc/prometheus/rules/"))
    .flatMap(({ content }) => [...content.matchAll(/(?:^\s*(?:- )?|[{,]\s*)alert:\s*["']?(\w+)/gm)])
    .map(([, name = ""]) => name);
}
