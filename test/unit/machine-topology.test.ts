import { expect, it } from "@jest/globals";
import { topologyPicture } from "../../tools/verbs/topology.ts";

it("shows where clients come in, and which servers are behind which pool", () => {
  const picture = topologyPicture({
    loadBalancers: [{ name: "haproxy", address: "10.77.0.10", listeners: ["127.0.0.1:8080"] }],
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
  });
  expect(`\n${picture}\n`).toBe(`
client ──► 127.0.0.1:8080 ──► haproxy  10.77.0.10
            ├─► api_pool
            │   ├─ backend-api-1  10.77.0.21:8080
            │   └─ backend-api-2  10.77.0.22:8080
            └─► stream_pool
                └─ stream-server-1  10.77.0.31:8082
`);
});
