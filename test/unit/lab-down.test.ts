import { describe, expect, it } from "@jest/globals";
import { SetupError } from "../../tools/machine/setup-error.ts";
import { doAll } from "../../tools/verbs/lab-down.ts";

describe("taking the lab down", () => {
  it("goes on after a step that failed, and ends with what that one said", async () => {
    const taken: string[] = [];
    const taking = doAll([
      () => Promise.reject(new SetupError("pulumi destroy ended with status 255", ["error: no passphrase"])),
      () => Promise.resolve(taken.push("leftovers")).then(() => undefined),
    ]);
    await expect(taking).rejects.toThrow(/pulumi destroy ended with status 255\n.*error: no passphrase/);
    expect(taken).toEqual(["leftovers"]);
  });

  it("says nothing when all went well", async () => {
    await expect(doAll([() => Promise.resolve()])).resolves.toBeUndefined();
  });
});
