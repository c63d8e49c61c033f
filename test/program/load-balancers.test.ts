import { expect, it } from "@jest/globals";
import { readStackFile } from "../../src/config/stack-file.ts";
import { registered, withoutLetsencrypt, type Registered } from "./support/registered.ts";

const repository = new URL("../../", import.meta.url);

/** The lab with two load balancers. */
async function program(): Promise<ReadonlyMap<string, Registered>> {
  // Certificates are issued for one load balancer only.
  const config = withoutLetsencrypt(readStackFile("lab", repository));
  const loadBalancer = config["veza-edge:loadBalancer"] as object;
  const instances = [
    { name: "haproxy-a", address: "10.77.0.11" },
    { name: "haproxy-b", address: "10.77.0.12" },
  ];
  const fleets = config["veza-edge:fleets"] as Record<string, object>;
  const artifact = { url: "https://registry.example/app.tar.gz", sha256: "0".repeat(64) };
  const deployed = Object.entries(fleets).map(([name, fleet]) => [name, { ...fleet, artifact }] as const);
  const all = await registered("lab", {
    ...config,
    "veza-edge:loadBalancer": { ...loadBalancer, instances },
    "veza-edge:fleets": Object.fromEntries(deployed),
  });
  return new Map(all.map((one) => [one.name, one]));
}

it("a load balancer's container is not touched before the roll-outs are through, so that it is not empty meanwhile", async () => {
  const all = await program();
  const rollouts = [...all.keys()].filter((name) => name.endsWith("-rollout-apply"));
  expect(rollouts).toHaveLength(4);
  expect(all.get("haproxy-a-container-create")?.after).toEqual(expect.arrayContaining(rollouts));
});

it("of several load balancers one at a time is away", async () => {
  const all = await program();
  expect(all.get("haproxy-b-container-create")?.after).toContain("haproxy-a-config-apply");
  expect(all.get("haproxy-a-container-create")?.after).not.toContain("haproxy-b-config-apply");
});
