import { imagesSchema } from "../../src/config/incus.ts";
import { imageAlias, type ImageSpec } from "../../src/incus/image.ts";
import type { HostName } from "../site.ts";

type Spec = ImageSpec & { packages: string[] };
export type Images = Readonly<Record<"app" | "haproxy", Spec>>;

/** What all contenders' containers are made from: Ansible needs Python in them, and over SSH a server for that. */
export function imagesFor(host: HostName): Images {
  const { app, haproxy } = imagesSchema.parse({});
  const more = host === "local" ? ["python3"] : ["python3", "openssh-server"];
  const withMore = (spec: ImageSpec): Spec => ({ ...spec, packages: [...spec.packages, ...more] });
  return { app: withMore(app), haproxy: withMore(haproxy) };
}

export function aliasOf(one: keyof Images, images: Images): string {
  return imageAlias(one, images[one]);
}
