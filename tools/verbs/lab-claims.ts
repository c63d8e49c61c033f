import type { Claim } from "../../src/ops/proof/claims.ts";
import { SetupError } from "../machine/setup-error.ts";

/**
 * What was seen, in one line.
 * @throws SetupError with what does not hold, or when nothing was claimed
 */
export function provedBy(claims: readonly Claim[]): string {
  if (claims.length === 0)
    throw new SetupError("the lab has no instance that could answer: nothing was proved");
  const broken = claims.filter(({ holds }) => !holds);
  if (broken.length > 0) {
    throw new SetupError(
      `the lab is deployed, and does not do what it should (bin/veza doctor looks closer):`,
      broken.map(({ says, seen }) => `${says}: ${seen}`),
    );
  }
  return claims.map(({ seen }) => seen).join("; ");
}
