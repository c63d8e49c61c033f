import type { DeployedStack } from "../stack.ts";
import { maintenanceSite } from "./site.ts";
import { judge, look } from "./state.ts";

/**
 * What to tell whoever wanted something of a stack as its clients do, and did not get it, where that is because it is in
 * maintenance: that it is, and what to type. Undefined where it is not, or where no load balancer says.
 */
export async function maintenanceInTheWay(stack: DeployedStack): Promise<string | undefined> {
  const { verdict } = judge(await look(maintenanceSite(stack)));
  switch (verdict) {
    case "open":
    case "unknown":
      return undefined;
    case "closed":
    case "mixed":
      return `stack ${stack.name} is ${verdict === "mixed" ? "half " : ""}in maintenance. bin/veza maintenance down --stack ${stack.name} ends that (bin/veza maintenance --stack ${stack.name} shows it)`;
  }
}
