import type { Image } from "./image.ts";
import type { Project } from "./project.ts";

/** Where a container goes: a project on a host, and the image it is made from there. */
export interface Site {
  readonly project: Project;
  readonly image: Image;
}
