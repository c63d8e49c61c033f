import { existsSync } from "node:fs";
import { yamlPath, type Problem } from "./config/problem.ts";
import type { StackConfig } from "./config/stack.ts";

/** Files that an update needs on the machine that runs it, and that are not there. A preview does without them. */
export function missingFiles(config: StackConfig): Problem[] {
  const certificate = config.loadBalancer?.tls?.certificate;
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
