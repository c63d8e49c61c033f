import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { execa } from "execa";
import { isNewStack } from "../../src/ops/converge/is-new.ts";
import { removeProjects } from "../../tools/machine/projects.ts";

const stack = "test-new";
const project = `veza-${stack}`;
const nothing = { deployment: { manifest: {} } };
const hosts = { main: { connection: "local" } } as const;

const incus = (...words: readonly string[]) => execa("incus", words, { stdin: "ignore", timeout: 60_000 });

beforeAll(() => removeProjects([project]), 60_000);
afterAll(() => removeProjects([project]), 60_000);

it("a stack is new while neither its state nor any host has something of it", async () => {
  expect(await isNewStack(stack, { exportedState: nothing, hosts })).toBe(true);
  const resources = [{ urn: "urn:pulumi:test-new::veza-edge::pulumi:pulumi:Stack::one", type: "x" }];
  expect(await isNewStack(stack, { exportedState: { deployment: { resources } }, hosts })).toBe(false);

  await incus("project", "create", project, "-c", "features.images=false");
  expect(await isNewStack(stack, { exportedState: nothing, hosts })).toBe(true);
  // Its state was lost: what is there may serve somebody.
  await incus("create", "--empty", "new-one", "--project", project, "--storage", "default");
  expect(await isNewStack(stack, { exportedState: nothing, hosts })).toBe(false);
}, 60_000);

it("a stack of which a host cannot say is not new, and neither is one without hosts", async () => {
  const silent = {
    connection: "ssh",
    address: "127.0.0.1",
    port: 9,
    user: "root",
    hostKey: "ssh-ed25519 A",
  } as const;
  const other = "test-new-elsewhere";
  expect(await isNewStack(other, { exportedState: nothing, hosts: { ...hosts, silent } })).toBe(false);
  expect(await isNewStack(other, { exportedState: nothing, hosts: {} })).toBe(false);
}, 60_000);
