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

const configuration = "/etc/haproxy/current/haproxy.cfg";
const restarting = "/etc/systemd/system/haproxy.service.d/veza.conf";

/** Unit `haproxy`: push.sh. */
export const haproxy: UnitConsequences = {
  created: (after) => [calm(`has HAProxy check its configuration, and starts it in ${containerOf(after)}`)],
  changed: (change) => {
    const container = containerOf(change.after);
    if (change.files.length === 0)
      return [
        calm(
          `looks whether HAProxy in ${container} runs this configuration, and leaves it alone when it does`,
        ),
      ];
    if (change.files.some(({ path }) => path === restarting))
      return [
        careful(
          `has HAProxy check the new configuration and restarts it, because its systemd unit changes: every open connection through ${container} ends`,
        ),
        ...ofServers(change),
      ];
    return [calm(reloads(change)), ...ofServers(change)];
  },
  deleted: (before) => [careful(`stops HAProxy in ${containerOf(before)}`)],
};

/** Unit `certificate`: certificate.sh. */
export const broughtCertificate: UnitConsequences = {
  created: (after) => [calm(`has HAProxy check the certificate that ${containerOf(after)} is to serve`)],
  changed: ({ secret, after }) =>
    secret
      ? [
          calm(
            `has HAProxy check the new certificate; ${containerOf(after)} serves it after the reload that follows`,
          ),
        ]
      : [calm("checks the certificate again, and leaves it as it is")],
  deleted: (before) => [
    calm(
      `takes the certificate away and reloads HAProxy in ${containerOf(before)}; refused while nothing else can be served`,
    ),
  ],
};

function reloads({ before, after }: BothSides): string {
  const [is, was] = [after, before].map(
    (step) => /^\s*hard-stop-after (\d+)s$/m.exec(textOf(step, configuration))?.[1],
  );
  // The old process is the one that has them, by its own configuration.
  const bound = was ?? is;
  const kept = bound === undefined ? "" : `; those still open ${bound} s later end then`;
  return `has HAProxy check the new configuration and reloads it: no connection is cut${kept}`;
}

function ofServers({ before, after }: BothSides): Consequence[] {
  const [was, is] = [before, after].map((step) => pools(textOf(step, configuration)));
  if (was === undefined || is === undefined) return [];
  const consequences: Consequence[] = [];
  for (const pool of new Set([...was.keys(), ...is.keys()])) {
    const [old, now] = [
      was.get(pool) ?? new Map<string, string>(),
      is.get(pool) ?? new Map<string, string>(),
    ];
    const joining = without(now.keys(), old.keys());
    const leaving = without(old.keys(), now.keys());
    const moving = [...now].filter(([name, address]) => old.has(name) && old.get(name) !== address);
    if (joining.length > 0)
      consequences.push(calm(`${listed(joining)} ${s(joining, "joins", "join")} ${pool}`));
    if (leaving.length > 0)
      consequences.push(
        calm(
          `${listed(leaving)} ${s(leaving, "leaves", "leave")} ${pool}: no new requests; those under way are finished`,
        ),
      );
    for (const [name, address] of moving)
      consequences.push(calm(`${name} of ${pool} is looked for at ${address}`));
    if (now.size === 0 && old.size > 0) consequences.push(careful(`${pool} has no server any more`));
  }
  const cookies = [before, after].map(
    (step) => /^\s*cookie (\S+) insert/m.exec(textOf(step, configuration))?.[1],
  );
  if (cookies[0] !== cookies[1] && cookies[0] !== undefined && cookies[1] !== undefined)
    consequences.push(
      calm(`clients lose the instance that they are bound to, once: the cookie is ${cookies[1]} now`),
    );
  return consequences;
}

/** Servers that get requests, with their addresses, by pool. */
export function pools(text: string): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const found = new Map<string, Map<string, string>>();
  let servers: Map<string, string> | undefined;
  for (const line of text.split("\n")) {
    const [section, name = ""] = /^(\S+)(?:\s+(\S+))?/.exec(line)?.slice(1) ?? [];
    if (section !== undefined && !section.startsWith("#")) {
      // What only follows or checks another pool's servers gets no requests of its own.
      const counts =
        (section === "backend" && !/^(follow-|letsencrypt|certificate)|_websockets$|probe/.test(name)) ||
        section === "listen";
      servers = counts ? new Map<string, string>() : undefined;
      if (servers) found.set(name, servers);
    }
    const [, server, address] = /^\s+server (\S+) (\S+)/.exec(line) ?? [];
    if (server !== undefined && address !== undefined) servers?.set(server, address);
  }
  return found;
}

function s(items: readonly unknown[], one: string, many: string): string {
  return items.length === 1 ? one : many;
}
