import { existsSync } from "node:fs";
import { join } from "node:path";

import { expect, it } from "@jest/globals";
import { remote } from "@pulumi/command";

import { Fixture } from "../tools/command-plugin/fixture.ts";
import { until } from "../tools/command-plugin/until.ts";
import { layWire } from "../tools/command-plugin/wire.ts";

const fixture = new Fixture();

it("the drop-in ends a command within 80 s of the network going silent", async () => {
  const wire = await layWire(fixture.sshd.port);
  const started = join(fixture.sandbox.files, "started");
  const up = fixture.sandbox.up("silent", async () => {
    const connection = { ...fixture.connection(), port: wire.port };
    new remote.Command("long", { connection, create: `touch ${started}; timeout 120 sleep 110` });
  });
  await until(() => existsSync(started));
  const silent = Date.now();
  wire.stall();
  const run = await up;
  await wire.close();

  expect(run.ok).toBe(false);
  expect(run.text).toMatch(
    /127\.0\.0\.1:\d+: connection lost, the command may still be running there: no sign of life for 1m0s/,
  );
  expect(Date.now() - silent).toBeLessThan(80_000);
}, 150_000);
