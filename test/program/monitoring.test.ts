import { describe, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { readStackFile } from "../../src/config/stack-file.ts";
import { referencedOutputs, type EdgeOutputs } from "../../src/outputs.ts";
import { loadMonitoringConfig } from "../../stacks/monitoring/src/config.ts";
import { Monitoring } from "../../stacks/monitoring/src/monitoring.ts";
import { labOutputs } from "../unit/support/lab-outputs.ts";
import { documents, registeredBy, type Registered } from "./support/registered.ts";

const directory = new URL("../../stacks/monitoring/", import.meta.url);
const lab = labOutputs();

const watched = "organization/veza-edge/lab";

async function deploy(): Promise<void> {
  new Monitoring("monitoring", {
    stack: "lab",
    config: loadMonitoringConfig("lab", readStackFile("lab", directory)),
    edge: await referencedOutputs(new pulumi.StackReference(watched)),
  });
}

/** The second project's program, watching a stack with these outputs. */
async function program(edge: object, preview = true, act = deploy): Promise<readonly Registered[]> {
  const stacks = { [watched]: { edge } };
  return registeredBy(act, { project: "veza-monitoring", stack: "lab", preview, stacks });
}

describe("the monitoring of the lab", () => {
  it.each([true, false])("is known to the last line (preview: %s), and holds no secret", async (preview) => {
    const all = await program(lab, preview);
    const commands = all.filter(({ type }) => type.startsWith("command:"));
    expect(commands.map(({ name }) => name).sort()).toEqual([
      "monitoring-container-create",
      "monitoring-image-build",
      "monitoring-measurements-create",
      "monitoring-project-create",
      "monitoring-prometheus-apply",
    ]);
    expect(commands.flatMap(({ unknown, secret }) => [...unknown, ...secret])).toEqual([]);
    const text = documents(all).get("monitoring-prometheus-apply") ?? "";
    expect(text).toContain('targets: ["10.77.0.51:8008"]');
    expect(text).toContain("alert: TwoPrimaries");
  });

  it("is in a project of its own on the lab's bridge, and its data is not in its container", async () => {
    const said = documents(await program(lab));
    expect(said.get("monitoring-project-create")).toMatch(
      /PROJECT='veza-monitoring-lab'\nNETWORK='incusbr0'/,
    );
    const container = said.get("monitoring-container-create") ?? "";
    expect(container).toContain('"source": "prometheus"');
    expect(container).toContain('"path": "/var/lib/prometheus/metrics2"');
  });

  it("is published without a PROXY header, which Prometheus does not know", async () => {
    const container = documents(await program(lab)).get("monitoring-container-create") ?? "";
    expect(container).toContain('"listen": "tcp:127.0.0.1:9090"');
    expect(container).not.toContain("proxy_protocol");
  });

  it("changes with the stack that it watches", async () => {
    const more: EdgeOutputs = {
      ...lab,
      loadBalancers: lab.loadBalancers.flatMap((one) => [
        one,
        { ...one, name: "haproxy-2", metrics: "http://10.77.0.11:9100/metrics" },
      ]),
    };
    expect(documents(await program(more)).get("monitoring-prometheus-apply")).toContain(
      'targets: ["10.77.0.11:9100"]',
    );
  });

  it("makes nothing for a stack of another version", async () => {
    let refusal: unknown;
    const all = await program({ ...lab, version: 2 }, true, async () => {
      await deploy().catch((error: unknown) => (refusal = error));
    });
    expect(String(refusal)).toContain("the stack's outputs have version 2, this program reads version 1");
    expect(all.map(({ name }) => name)).toEqual([watched]);
  });
});
