import { existsSync } from "node:fs";
import { yamlPath, type Problem } from "./config/problem.ts";
import type { StackConfig } from "./config/stack.ts";
import { longestPage, readMaintenancePage } from "./haproxy/maintenance-page.ts";

/** Files that an update needs on the machine that runs it, and that are not there. A preview does without them. */
export function missingFiles(config: StackConfig): Problem[] {
  const certificate = config.loadBalancer?.tls?.certificate;
  const page = config.loadBalancer?.maintenance.page;
  const needed = [
    ...(certificate === undefined
      ? []
      : [
          {
            file: certificate,
            path: yamlPath(["loadBalancer", "tls", "certificate"]),
            hint: "bring the PEM file (chain and private key) there; .gitignore keeps *.pem out of the repository",
          },
        ]),
    ...(page === undefined ? [] : [{ file: page, path: pagePath, hint: "leave page out to show ours" }]),
    ...Object.entries(config.fleets).flatMap(([fleet, { artifact }]) =>
      "path" in artifact
        ? [
            {
              file: artifact.path,
              path: yamlPath(["fleets", fleet, "artifact", "path"]),
              hint: "build it first",
            },
          ]
        : [],
    ),
  ];
  return needed.flatMap(({ file, path, hint }) =>
    existsSync(file) ? [] : [{ path, message: `there is no file ${file} on this machine`, hint }],
  );
}

/** Files that are there, and that nobody could be shown. */
export function oversizedFiles({ loadBalancer }: StackConfig): Problem[] {
  if (loadBalancer === undefined) return [];
  const { page } = loadBalancer.maintenance;
  const text = page === undefined ? undefined : readMaintenancePage(page);
  if (text === undefined) return [];
  const [size, most] = [Buffer.byteLength(text), longestPage(loadBalancer.limits)];
  if (size <= most) return [];
  return [
    {
      path: pagePath,
      message: `${String(page)} has ${String(size)} bytes, and HAProxy can answer with ${String(most)} at most`,
      hint: "make it smaller (pictures above all), or raise loadBalancer.limits.headerBytes",
    },
  ];
}

const pagePath = yamlPath(["loadBalancer", "maintenance", "page"]);
