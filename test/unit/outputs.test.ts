import { describe, expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";
import { outputsSchema, readOutputs, referencedOutputs } from "../../src/outputs.ts";
import { labOutputs } from "./support/lab-outputs.ts";
import { keysOf } from "./support/schema-keys.ts";

describe("a stack's outputs", () => {
  it("are read as they were written, also by way of JSON", () => {
    expect(readOutputs(JSON.parse(JSON.stringify(labOutputs())))).toEqual(labOutputs());
  });

  it("say where everything that can be scraped is", () => {
    const { loadBalancers, postgres } = labOutputs();
    expect(loadBalancers.flatMap(({ metrics, certificateMetrics }) => [metrics, certificateMetrics])).toEqual(
      ["http://10.77.0.10:9100/metrics", "http://10.77.0.10:9100/metrics/certificates"],
    );
    expect([...(postgres?.nodes ?? []), ...(postgres?.routers ?? [])].map(({ metrics }) => metrics)).toEqual([
      "http://10.77.0.51:8008/metrics",
      "http://10.77.0.52:8008/metrics",
      "http://10.77.0.55:8404/metrics",
    ]);
  });

  it("of another version are refused, saying which is which and what to do", () => {
    expect(() => readOutputs({ ...labOutputs(), version: 2 })).toThrow(
      "the stack's outputs have version 2, this program reads version 1: deploy the stack with the same version of veza-edge, or use that version here",
    );
  });

  it("of a stack that was never deployed, or is another program's, are refused", () => {
    for (const nothing of [undefined, null, {}, "edge"])
      expect(() => readOutputs(nothing)).toThrow("the stack has no output `edge`: it was never deployed");
  });

  it("that lack something are refused, saying what", () => {
    const { pools, ...rest } = labOutputs();
    expect(Object.keys(pools).length).toBeGreaterThan(0);
    expect(() => readOutputs(rest)).toThrow(/not what version 1 promises:\n.*\n.*→ at pools/);
  });

  it("are read through a StackReference, of which nothing else is asked", async () => {
    const asked: string[] = [];
    const stack = {
      getOutputDetails: async (name: string) => {
        asked.push(name);
        return { value: labOutputs() as unknown };
      },
    };
    expect(await referencedOutputs(stack)).toEqual(labOutputs());
    expect(asked).toEqual(["edge"]);
  });

  it("of a stack that an earlier program deployed can be read, as far as they went", () => {
    const { network, storage, ...before } = labOutputs();
    expect([network?.bridge, storage]).toEqual(["incusbr0", "default"]);
    expect(readOutputs(before)).toEqual(before);
  });
});

describe("docs/outputs.md", () => {
  const text = readFileSync(new URL("../../docs/outputs.md", import.meta.url), "utf8");

  it("names every key of the schema, and no other", () => {
    const known = keysOf(outputsSchema);
    const shown = [...text.matchAll(/^\| `([^`]+)`/gm)].map(([, key = ""]) => key);
    expect(shown.sort()).toEqual([...known].sort());
  });

  it("names the version", () => {
    expect(text).toContain(`version ${String(outputsSchema.shape.version.value)}`);
  });
});
