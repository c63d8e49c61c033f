import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { changed } from "../../tools/verbs/pulumi.ts";
import { publicUrl } from "../lab/support/edge-config.ts";
import { addStoragePool, removeStoragePool } from "../lab/support/incus.ts";
import { LabStack } from "../lab/support/stack.ts";

/** A storage pool that a test can fill. Quotas of single containers are no way: btrfs does not always hold them. */
const storage = "vezat0";

let stack: LabStack;
beforeAll(async () => {
  stack = await LabStack.open({ rest: { storage } });
  await removeStoragePool(storage);
  await addStoragePool(storage, 2);
  await stack.up();
}, 300_000);
afterAll(async () => {
  await stack.close();
  await removeStoragePool(storage);
}, 180_000);

it("a change for which there is no room leaves what serves alone, and works when there is room", async () => {
  const before = await stack.incus.haproxyProcesses();
  await stack.incus.shell("haproxy", "! head -c 3G /dev/urandom >/root/filled");
  try {
    const extraConfig = { api_pool: "fullconn 1000\n" };
    await stack.configure({ rest: { storage }, loadBalancer: { extraConfig } });
    const full = await stack.tryUp();
    expect(full.exitCode).not.toBe(0);
    expect(full.said).toMatch(/no space left on device/i);
    expect(full.said).toMatch(/\/haproxy: .*(a full disk is the usual reason|could not be applied)/);
    expect((await fetch(`${publicUrl}/api/v1/health`)).status).toBe(200);
    expect(await stack.incus.haproxyProcesses()).toEqual(before);
  } finally {
    await stack.incus.shell("haproxy", "rm /root/filled");
  }
  await stack.up();
  const config = await stack.incus.shell("haproxy", "cat /etc/haproxy/current/haproxy.cfg");
  expect(config).toContain("fullconn 1000");
  expect(changed((await stack.up()).changes)).toBe(0);
}, 240_000);
