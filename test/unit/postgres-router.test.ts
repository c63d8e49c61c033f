import { describe, expect, it } from "@jest/globals";
import { postgresSchema } from "../../src/config/postgres.ts";
import { haproxyUnit, renderHaproxy } from "../../src/haproxy/render.ts";
import { databaseRouterModel } from "../../src/haproxy/router-model.ts";

const network = { bridge: "incusbr0", gateway: "10.77.0.1/24" };
const config = postgresSchema.parse({
  nodes: [
    { id: 1, address: "10.77.0.51" },
    { id: 2, address: "10.77.0.52" },
  ],
  routers: [{ id: 1, address: "10.77.0.55", localNode: 1 }],
});
const plain = databaseRouterModel(config, { id: 2, address: "10.77.0.56" }, network);
const withLocalNode = databaseRouterModel(config, { id: 1, address: "10.77.0.55", localNode: 1 }, network);

/** From a line on, of a file of a router. */
function text(model: typeof plain, name: string, from = ""): string {
  const file = renderHaproxy(model).find(({ path }) => path === `/etc/haproxy/current/${name}`);
  return file?.content.slice(file.content.indexOf(from)) ?? "";
}

describe("a database router", () => {
  it("is configured like this", () => {
    expect(text(plain, "haproxy.cfg", "\nfrontend")).toMatchSnapshot();
  });

  it("finds the node on its own host by name, and checks it beside the listener", () => {
    expect(text(withLocalNode, "haproxy.cfg", "\nresolvers")).toMatchSnapshot();
  });

  it("lists every server as starting down, and what checks it too", () => {
    expect(text(withLocalNode, "starts-down")).toMatchInlineSnapshot(`
      "# Servers that are down until their checks say otherwise: backend, id, server, address and port to begin with.
      pg-primary 1 postgres-1 10.77.0.51 6432
      probe-postgres-1 1 postgres-1 10.77.0.51 8008
      pg-primary 2 postgres-2 10.77.0.52 6432
      "
    `);
  });

  it("keeps a session for half a day, whatever becomes of its configuration meanwhile", () => {
    const { global, listens } = plain;
    expect(listens.map(({ idleSeconds }) => idleSeconds)).toEqual([12 * 3_600]);
    expect(global.oldWorkerSeconds).toBeGreaterThanOrEqual(12 * 3_600);
  });

  it("takes a node for dead before it takes another one for the primary", () => {
    for (const { check } of plain.listens) expect(check.fall).toBeLessThanOrEqual(check.rise);
  });

  it("does not depend on which node was the first primary", () => {
    const other = { ...config, initialPrimary: 2 };
    const router = { id: 2, address: "10.77.0.56" };
    expect(haproxyUnit(databaseRouterModel(other, router, network))).toEqual(haproxyUnit(plain));
  });
});
