import { closeStack, openStack } from "../../../src/ops/maintenance/maintenance.ts";
import type { MaintenanceSite } from "../../../src/ops/maintenance/site.ts";
import { heard } from "./maintenance-talk.ts";

/**
 * Closes or opens a stack on this machine as bin/veza does, in a process of its own; prints what was done, and ends with 1
 * and the reason when it was refused. Arguments: the site without its hosts as JSON; up or down.
 */
const place = JSON.parse(process.argv[2] ?? "{}") as Omit<MaintenanceSite, "host">;
const site: MaintenanceSite = { ...place, host: () => ({ connection: "local" }) };
try {
  const { lines } = await heard((talk) =>
    process.argv[3] === "up"
      ? closeStack(site, { allow: [], keepServices: false }, talk)
      : openStack(site, { force: false }, talk),
  );
  console.log(lines.join("\n"));
} catch (error) {
  console.log(String(error));
  process.exitCode = 1;
}
