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

const domains = "/etc/dehydrated/domains.txt";
const units = "/etc/systemd/system/";

/** Unit `letsencrypt`: letsencrypt.sh. */
export const letsencrypt: UnitConsequences = {
  created: (after) => [calm(`installs what has certificates issued and renewed in ${containerOf(after)}`)],
  changed: (change) => {
    const known = [...ofServices(change), ...ofEntries(change)];
    const nothing = calm("looks at the certificates that there are; HAProxy is told only of what differs");
    return known.length > 0 ? known : [nothing];
  },
  deleted: (before) => [
    careful(
      `takes issued certificates out of ${containerOf(before)} and ends their renewal; what was issued stays on the volume. Refused while HAProxy has no other certificate`,
    ),
  ],
};

/** Unit `placeholders`: placeholders.sh. */
export const placeholders: UnitConsequences = {
  created: () => [],
  changed: ({ secret, files }) =>
    secret || files.length > 0
      ? [
          calm(
            "renews the self-signed placeholders; they are served only for names that have no issued certificate",
          ),
        ]
      : [],
  deleted: () => [],
};

/** Unit `acme-ca`: files only. */
export const caRoot: UnitConsequences = {
  created: () => [],
  changed: ({ secret, files }) =>
    secret || files.length > 0
      ? [calm("certificates are asked for from a CA that shows another certificate itself")]
      : [],
  deleted: () => [calm("the CA that certificates are asked from has to be one that everybody trusts")],
};

/** Units `pebble` and `pebble-tls`: pebble.sh. */
export const pebble: UnitConsequences = {
  created: () => [],
  changed: ({ secret, files }) =>
    secret || files.length > 0
      ? [careful("restarts the lab's CA, which forgets its accounts and certificates by that")]
      : [calm("looks whether the lab's CA answers")],
  deleted: () => [calm("stops the lab's CA")],
};

/** The program that asks the CA for what is missing, by what it says it is run for. */
export function issuance({
  before,
  after,
}: {
  readonly before?: string;
  readonly after: string;
}): Consequence[] {
  const [was, is] = [reasons(before ?? ""), reasons(after)];
  const otherCa = was.directory !== is.directory;
  const asked = otherCa
    ? [...is.certificates.values()]
    : without(is.certificates.values(), was.certificates.values());
  const certificates = asked.map((entry): Consequence => {
    const [, ...names] = entry.split(" ");
    const old = was.certificates.get(names[0] ?? "");
    const instead =
      old === undefined || otherCa ? "" : ` instead of the one for ${listed(old.split(" ").slice(1))}`;
    return calm(
      `asks ${hostOf(is.directory)} for a new certificate of ${listed(names)}${instead}, unless the volume has one; the old one serves meanwhile`,
    );
  });
  if (certificates.length > 0) return before === undefined ? certificates.map(firstOne) : certificates;
  return [calm("has the CA issue what is due, if anything is")];
}

/** Before the first one there is nothing that could serve meanwhile, and an update that cannot have it fails. */
function firstOne({ says }: Consequence): Consequence {
  return calm(says.replace("; the old one serves meanwhile", "; the update fails when it cannot be had"));
}

/** Of the program's parameter BECAUSE. */
function reasons(text: string): { directory: string; certificates: ReadonlyMap<string, string> } {
  const of = (name: string): string => new RegExp(`^${name}: (.*)$`, "m").exec(text)?.[1] ?? "";
  const entries = of("CERTIFICATES")
    .split(", ")
    .filter((entry) => entry !== "");
  return {
    directory: of("DIRECTORY"),
    certificates: new Map(entries.map((entry) => [entry.split(" ")[1] ?? "", entry])),
  };
}

function hostOf(directory: string): string {
  return URL.canParse(directory) ? new URL(directory).host : directory;
}

function ofServices({ files }: BothSides): Consequence[] {
  const changed = files.flatMap(({ path, operation }) =>
    path.startsWith(units) && operation !== "removed" ? [path.slice(units.length)] : [],
  );
  // The service that the timer starts is no daemon.
  const restarted = changed.filter((unit) => unit !== "veza-certificates.service");
  const gone = files.flatMap(({ path, operation }) =>
    path.startsWith(units) && operation === "removed" ? [path.slice(units.length)] : [],
  );
  return [
    ...(restarted.length > 0
      ? [calm(`restarts ${listed(restarted)}; no client of the load balancer notices`)]
      : []),
    ...(gone.length > 0 ? [calm(`stops ${listed(gone)}`)] : []),
  ];
}

function ofEntries({ before, after }: BothSides): Consequence[] {
  const [was, is] = [before, after].map((step) => entriesOf(textOf(step, domains)));
  if (was === undefined || is === undefined) return [];
  const names = new Set([...is.values()].flat());
  return [...was].flatMap(([primary, old]): Consequence[] => {
    const lost = without(old, names);
    const lostNames =
      lost.length > 0
        ? [careful(`${listed(lost)} ${lost.length === 1 ? "is" : "are"} in no certificate any more`)]
        : [];
    if (is.has(primary)) return lostNames;
    return [
      calm(
        `retires the certificate ${primary}: HAProxy forgets it as soon as no other configured name needs it`,
      ),
      ...lostNames,
    ];
  });
}

function entriesOf(text: string): ReadonlyMap<string, readonly string[]> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.split(" ")[0] ?? "", line.split(" ")]));
}
