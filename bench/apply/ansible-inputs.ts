import { mkdir, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { stringify } from "yaml";
import type { PlannedFile } from "../../src/ops/diff/plan.ts";
import { programPlan } from "../../src/ops/diff/program-plan.ts";
import { edgeConfig } from "../../test/lab/support/edge-config.ts";
import type { Site } from "../site.ts";
import type { InstalledAnsible } from "./ansible-install.ts";
import type { Way } from "./ansible-ways.ts";
import { apiAddress, edgeAddress, streamAddress, type Place } from "./contender.ts";
import type { Images } from "./images.ts";

/** Where the playbook's edge is, and with what it is made. */
export interface AnsibleEdge {
  readonly site: Site;
  readonly place: Place;
  readonly bridge: string;
  readonly project: string;
  readonly images: Images;
  readonly installed: InstalledAnsible;
  readonly way: Way;
  /** Path of a stand-in application's bundle. */
  readonly artifact: (app: string) => string;
}

/** Variables of the playbook's groups. */
export interface Inputs {
  readonly fleets: Readonly<Record<"backend-api" | "stream-server", object>>;
  readonly haproxy: object;
}

/** A cookie's name that is no part of any other word. */
const cookie = "BENCH_COOKIE";

/**
 * What the playbook's templates and files are made from: the very files that our program writes, rendered for one
 * instance of each fleet, with what depends on the inventory put back as Jinja. So both deploy the same bytes.
 * @param directory gets the files
 */
export async function writeInputs(directory: string, edge: AnsibleEdge): Promise<Inputs> {
  const stack = "lab-bench";
  const config = edgeConfig({
    api: [1],
    stream: [1],
    release: dirname(edge.artifact("backend-api")),
    loadBalancer: { instances: [{ address: edgeAddress(edge.place) }], cookie: { name: cookie } },
    rest: { images: edge.images, network: { bridge: edge.bridge, gateway: `${edge.place.subnet}.1/24` } },
    apiFleet: { instances: [{ id: 1, address: apiAddress(edge.place, 1) }] },
  });
  const stream = config.fleets?.["stream-server"];
  if (stream) stream.instances = [{ id: 1, address: streamAddress(edge.place, 1) }];
  const keys = Object.entries<unknown>(config).map(([key, value]) => [`veza-edge:${key}`, value] as const);
  const text = stringify({ config: Object.fromEntries(keys) }, { aliasDuplicateObjects: false });
  await writeFile(join(directory, `Pulumi.${stack}.yaml`), text);
  const { plan } = await programPlan(stack, pathToFileURL(`${directory}/`), "no secret is compared");
  const of = (name: string): readonly PlannedFile[] =>
    plan.steps.flatMap(({ container, files }) => (container === name ? files : []));

  const write = async (path: string, content: string, mode = 0o644): Promise<void> => {
    const whole = join(directory, path);
    await mkdir(dirname(whole), { recursive: true });
    await writeFile(whole, content, { mode });
  };
  for (const script of of("backend-api-1").filter(isScript))
    await write(join("scripts", basename(script.path)), script.content, 0o755);
  const templates = async (app: string): Promise<object[]> => {
    const files = of(`${app}-1`).filter((file) => !isScript(file));
    return Promise.all(
      files.map(async ({ path, mode, content }) => {
        const name = `${app}/${basename(path)}`;
        await write(`${name}.j2`, jinja(content).replaceAll(`${app}-1`, "{{ inventory_hostname }}"));
        return { name, path, mode };
      }),
    );
  };
  const fleet = async (app: string, user: string, port: number, health: string): Promise<object> => ({
    app,
    port,
    health,
    users: [
      { name: user, home: `/opt/veza/${app}` },
      { name: "veza-agent", home: "/run/veza" },
    ],
    release: `/opt/veza/${app}/releases/one`,
    artifact: edge.artifact(app),
    files: await templates(app),
  });
  const fixed = of("haproxy").filter(({ path }) => !path.endsWith("/haproxy.cfg"));
  for (const { path, content } of fixed)
    // Which release it is, only our program says in a file of its own.
    await write(join("haproxy", basename(path)), content.replace(" -f /etc/haproxy/current/release.cfg", ""));
  const configuration = of("haproxy").find(({ path }) => path.endsWith("/haproxy.cfg"))?.content ?? "";
  await write("haproxy.cfg.j2", configurationTemplate(configuration, edge));
  return {
    fleets: {
      "backend-api": await fleet("backend-api", "veza-api", 8080, "/api/v1/health"),
      "stream-server": await fleet("stream-server", "veza-stream", 8082, "/health"),
    },
    haproxy: {
      directories: [...new Set(fixed.map(({ path }) => dirname(path)))],
      files: fixed.map(({ path, mode }) => ({ name: basename(path), path, mode })),
    },
  };
}

function isScript({ path }: PlannedFile): boolean {
  return path.startsWith("/usr/local/lib/veza/");
}

function jinja(text: string): string {
  if (/\{[{%#]/.test(text)) throw new Error("a file has words in it that Jinja would take for its own");
  return text.endsWith("\n") ? text : `${text}\n`;
}

/** Lines of the only instance become a loop over its group, with the blank line that separates sections. */
function configurationTemplate(text: string, edge: AnsibleEdge): string {
  const lines = jinja(text).split("\n");
  const groups = [
    { name: "backend-api-1", group: "backend_api", address: apiAddress(edge.place, 1) },
    { name: "stream-server-1", group: "stream_server", address: streamAddress(edge.place, 1) },
  ];
  const written: string[] = [];
  for (let n = 0; n < lines.length; n++) {
    const found = groups.find(({ name }) => lines[n]?.includes(name));
    if (found === undefined) {
      written.push(lines[n] ?? "");
      continue;
    }
    const block: string[] = [];
    while (lines[n]?.includes(found.name) === true) block.push(lines[n++] ?? "");
    n--;
    if (block[0]?.startsWith("#") === true && written.at(-1) === "") block.unshift(written.pop() ?? "");
    written.push(
      `{% for host in groups['${found.group}'] %}`,
      ...block.map((line) =>
        line
          .replaceAll(found.name, "{{ host }}")
          .replaceAll(found.address, "{{ hostvars[host].address }}")
          .replace(" id 1", " id {{ hostvars[host].id }}"),
      ),
      "{% endfor %}",
    );
  }
  return written.join("\n").replaceAll(cookie, "{{ cookie }}");
}
