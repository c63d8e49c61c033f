import { describe, expect, it } from "@jest/globals";
import { stackSchema, type StackConfig } from "../../src/config/stack.ts";
import { publishedListeners } from "../../tools/machine/lab-stack.ts";
import { curlLine, labCertificates, rootFile, tlsListeners } from "../../tools/verbs/lab-names.ts";

const names = ["veza.test", "www.veza.test"];

function config(pebble: boolean): StackConfig {
  return stackSchema.parse({
    hosts: { main: { connection: "local" } },
    network: { gateway: "10.77.0.1/24" },
    loadBalancer: {
      instances: [{ address: "10.77.0.10", publish: [{ http: 8080, https: 8443 }, { http: 8081 }] }],
    },
    fleets: {},
    letsencrypt: {
      contact: "ops@veza.test",
      publicAddresses: ["10.77.0.10"],
      certificates: [{ names }, { names: ["talas.test"] }],
      ...(pebble ? { pebble: { address: "10.77.0.40" } } : {}),
    },
  });
}

describe("the lab's names", () => {
  it("are met at every listener for HTTPS, each with the port that HTTP is published at", () => {
    expect(tlsListeners(config(true))).toEqual([
      { address: "127.0.0.1", http: 8080, https: 8443 },
      { address: "10.77.0.10", http: 80, https: 443 },
    ]);
  });

  it("are met with one line of curl, which knows where they are and whom to believe", () => {
    expect(curlLine(config(true))).toBe(
      `curl --cacert ${rootFile} --resolve veza.test:8443:127.0.0.1 https://veza.test:8443/`,
    );
  });

  it("have nothing to show where the CA is somebody else's", () => {
    expect(labCertificates(config(true))).toEqual([names, ["talas.test"]]);
    expect(labCertificates(config(false))).toEqual([]);
    expect(curlLine(config(false))).toBeUndefined();
  });
});

it("a published port is known by what is spoken there", () => {
  expect(publishedListeners(config(true)).map(({ scheme, port }) => `${scheme} ${String(port)}`)).toEqual([
    ...["http 8080", "https 8443", "http 8081"],
  ]);
});
