import { imagesSchema } from "../../src/config/incus.ts";
import { imageAlias, type ImageSpec } from "../../src/incus/image.ts";

const usual = imagesSchema.parse({});

/** What both contenders' containers are made from: Ansible needs Python in them. */
export const images = {
  app: withPython(usual.app),
  haproxy: withPython(usual.haproxy),
} as const;

export const aliases = {
  app: imageAlias("app", images.app),
  haproxy: imageAlias("haproxy", images.haproxy),
} as const;

function withPython(spec: ImageSpec): ImageSpec & { packages: string[] } {
  return { ...spec, packages: [...spec.packages, "python3"] };
}
