import { expect, it } from "@jest/globals";
import { topologyPicture } from "../../tools/verbs/topology.ts";

it("shows where clients come in, which servers are behind which pool, where the database is, and who certifies whom", () => {
  const picture = topologyPicture({
    loadBalancers: [
      { name: "haproxy", address: "10.77.0.10", listeners: ["127.0.0.1:8080", "127.0.0.1:8443"] },
    ],
    pools: [
      {
        name: "api_pool",
        servers: [
          { name: "backend-api-1", address: "10.77.0.21", port: 8080 },
          { name: "backend-api-2", address: "10.77.0.22", port: 8080 },
        ],
      },
      { name: "stream_pool", servers: [{ name: "stream-server-1", address: "10.77.0.31", port: 8082 }] },
    ],
    database: {
      clients: ["backend-api"],
      routers: [{ name: "db-router-1", address: "10.77.0.61", port: 6433 }],
      nodes: [
        { name: "postgres-1", address: "10.77.0.51" },
        { name: "postgres-2", address: "10.77.0.52" },
      ],
    },
    authority: {
      ...{ name: "pebble", address: "10.77.0.40", port: 14000 },
      certificates: [["veza.test", "www.veza.test"], ["talas.test"]],
    },
  });
  expect(`\n${picture}\n`).toBe(`
client ──► 127.0.0.1:8080, 127.0.0.1:8443 ──► haproxy  10.77.0.10
            ├─► api_pool
            │   ├─ backend-api-1  10.77.0.21:8080
            │   └─ backend-api-2  10.77.0.22:8080
            └─► stream_pool
                └─ stream-server-1  10.77.0.31:8082
backend-api ──► db-router-1  10.77.0.61:6433 ──► the one that takes writes
            ├─ postgres-1  10.77.0.51
            └─ postgres-2  10.77.0.52
pebble  10.77.0.40:14000 ──► certificates of haproxy
            ├─ veza.test www.veza.test
            └─ talas.test
`);
});

it("is silent about a CA where the stack has none of its own", () => {
  const loadBalancers = [{ name: "haproxy", address: "10.77.0.10", listeners: ["127.0.0.1:8080"] }];
  expect(topologyPicture({ loadBalancers, pools: [] })).toBe(
    "client ──► 127.0.0.1:8080 ──► haproxy  10.77.0.10",
  );
});
