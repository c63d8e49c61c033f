import { describe, expect, it } from "@jest/globals";
import { parseStat, type Stat } from "../../src/haproxy/runtime.ts";
import { lastOne, serverNamed } from "../../src/ops/servers/servers.ts";

const server = (id: number, name: string) => ({ id, name, address: "10.0.0.1", port: 80 });
const pools = {
  api_pool: [server(1, "backend-api-1"), server(2, "backend-api-2"), server(3, "shared")],
  stream_pool: [server(1, "shared")],
};

describe("the server that an operator names", () => {
  it("is found by its name, or with its pool in front", () => {
    const found = { pool: "api_pool", server: "backend-api-2" };
    expect(serverNamed(pools, "backend-api-2")).toEqual(found);
    expect(serverNamed(pools, "api_pool/backend-api-2")).toEqual(found);
    expect(serverNamed(pools, "stream_pool/shared")).toEqual({ pool: "stream_pool", server: "shared" });
  });

  it("is asked for again when it is none, or not one alone", () => {
    expect(() => serverNamed(pools, "backend-api-3")).toThrow(
      "there is no server backend-api-3; there are: api_pool/backend-api-1, api_pool/backend-api-2, api_pool/shared, stream_pool/shared",
    );
    expect(() => serverNamed(pools, "shared")).toThrow(
      "several pools have a server shared; say which one: api_pool/shared, stream_pool/shared",
    );
  });
});

describe("a server that is to be drained", () => {
  const seen = (...servers: readonly string[]): readonly Stat[] => {
    const rows = servers.map((one) => `api_pool,${one},0,2,\n`).join("");
    const stats = parseStat(`# pxname,svname,status,scur,type,\n${rows}other,backend-api-9,UP,0,2,\n`);
    if (!stats.ok) throw new Error(stats.problem);
    return stats.value;
  };
  const wanted = { pool: "api_pool", server: "backend-api-1" };
  const both = seen("backend-api-1,UP", "backend-api-2,UP 1/3");

  it("may go while every load balancer has another one up", () => {
    expect(lastOne(wanted, new Map([["a", both], ["b", both]]))).toBeUndefined(); // prettier-ignore
  });

  it.each([
    ["is down", "backend-api-2,DOWN"],
    ["drains", "backend-api-2,DRAIN (agent)"],
  ])("is not let go where the other one %s, in one of two load balancers", (_, other) => {
    const alone = seen("backend-api-1,UP", other);
    expect(lastOne(wanted, new Map([["a", both], ["b", alone]]))).toContain(`b has no other server in api_pool that takes requests (${other.replace(",", " ")})`); // prettier-ignore
  });
});
