import { maintenanceInTheWay } from "../maintenance/in-the-way.ts";
import type { DeployedStack } from "../stack.ts";
import { DrillError } from "./target.ts";

/** The same error, and first of all what keeps clients out of the stack: a drill sees only that they do not get through. */
export async function unfit(stack: DeployedStack, error: unknown): Promise<unknown> {
  if (!(error instanceof DrillError)) return error;
  const why = await maintenanceInTheWay(stack);
  return why === undefined
    ? error
    : new DrillError(`no drill: ${why}\nWhat the drill saw: ${error.message}`, { cause: error });
}
