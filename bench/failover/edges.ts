import { readFile } from "node:fs/promises";
import { Containers } from "../../test/lab/support/containers.ts";
import { edgeAddress, subnet } from "../../test/lab/support/edge-config.ts";
import { IncusProject } from "../../test/lab/support/incus.ts";
import { until } from "../../test/lab/support/until.ts";

/** A load balancer in front of the same two instances. */
export interface Edge {
  readonly name: string;
  /** Without a path. */
  readonly url: string;
}

export const ourEdge: Edge = { name: "veza-edge", url: `http://${edgeAddress}` };

const project = "veza-bench-edges";
const container = "bench-edges";
const address = `${subnet}.180`;
const image = {
  name: "bench-edges",
  spec: { suite: "trixie", packages: ["haproxy", "nginx"], revision: 1 },
} as const;

const files = [
  ["haproxy.cfg", "/etc/haproxy/haproxy.cfg"],
  ["nginx.conf", "/etc/nginx/nginx.conf"],
] as const;

/** What others have as a load balancer: in a container of their own, beside the edge that is deployed. */
export class OtherEdges {
  readonly edges: readonly Edge[] = [
    { name: "HAProxy", url: `http://${address}` },
    { name: "nginx", url: `http://${address}:81` },
  ];
  /** Of all of them. */
  readonly versions: string;
  readonly #containers: Containers;

  private constructor(containers: Containers, versions: string) {
    this.#containers = containers;
    this.versions = versions;
  }

  /** The instances have to be there: their names are looked up once. */
  static async open(): Promise<OtherEdges> {
    const containers = await Containers.openInLane(project);
    try {
      await containers.launch(container, image, address);
      const incus = new IncusProject(project);
      for (const [file, path] of files)
        await incus.write(
          container,
          path,
          await readFile(new URL(`../edges/${file}`, import.meta.url), "utf8"),
        );
      // The first one to listen on port 80 was nginx, with the page that it comes with.
      await incus.shell(container, "systemctl restart nginx && systemctl restart haproxy");
      const versions = await incus.shell(container, "haproxy -v | head -n 1; nginx -v 2>&1");
      const opened = new OtherEdges(containers, inShort(versions));
      for (const { name, url } of opened.edges) await until(`${name} answers`, () => answers(url));
      return opened;
    } catch (error) {
      await containers.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#containers.close();
  }
}

/** `HAProxy version 3.0.11-1+deb13u1 2025/…` and `nginx version: nginx/1.26.3` → `HAProxy 3.0.11, nginx 1.26.3` */
function inShort(said: string): string {
  const haproxy = /HAProxy version ([\d.]+)/.exec(said)?.[1] ?? "unknown";
  const nginx = /nginx\/([\d.]+)/.exec(said)?.[1] ?? "unknown";
  return `HAProxy ${haproxy}, nginx ${nginx}`;
}

async function answers(url: string): Promise<boolean> {
  return fetch(`${url}/api/v1/whoami`, { signal: AbortSignal.timeout(2_000) }).then(
    ({ ok }) => ok,
    () => false,
  );
}
