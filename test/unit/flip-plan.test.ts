import { describe, expect, test } from "@jest/globals";
import { planFlip, type planBegun } from "../../src/ops/flip/plan.ts";
import { finalPosition } from "../../src/ops/flip/steps.ts";
import {
  begun,
  node,
  primaryDetails,
  router,
  silentNode,
  standbyDetails,
  topology,
} from "./postgres-sight.ts";

const asked = { maxLagBytes: 1_000_000 };

describe("a flip that nobody has begun", () => {
  test("goes from the primary to its standby", () => {
    expect(planFlip(topology(), asked)).toEqual({ kind: "flip", from: "postgres-1", to: "postgres-2" });
  });

  test("is nothing to do where the node that is asked for is the primary", () => {
    expect(planFlip(topology(), { ...asked, to: "postgres-1" }).kind).toBe("nothing");
  });

  test("names every reason against it at once", () => {
    const plan = planFlip(
      topology({
        nodes: [
          node(primaryDetails("postgres-1")),
          node(
            standbyDetails("postgres-2", {
              lagBytes: 2 * 1024 * 1024,
              timeline: 2,
              systemIdentifier: "1",
              streaming: false,
            }),
          ),
        ],
        routers: [
          { name: "db-router-1" },
          router("db-router-2", { second: { admin: "maint" } }),
          router("db-router-3", { first: { isUp: false } }),
        ],
      }),
      asked,
    );
    expect(plan).toEqual({
      kind: "refused",
      reasons: [
        "nothing streams to postgres-2 from postgres-1",
        "postgres-2 follows timeline 2, postgres-1 has 3",
        "postgres-2 is no copy of postgres-1",
        "postgres-2 is 2.0 MiB behind postgres-1; the limit is 976.6 KiB",
        "db-router-1 does not answer, and every router has to be told",
        "db-router-2 has postgres-2 in maint: an operator's, to be ended first",
        "db-router-3 has postgres-1 DOWN",
      ],
    });
  });

  test.each([
    ["fenced", node(standbyDetails("postgres-2", { state: "fenced" }))],
    ["stale", node(primaryDetails("postgres-2", { state: "stale" }))],
    ["silent", silentNode("postgres-2")],
  ])("is refused to a node that is %s", (_, second) => {
    const nodes = [node(primaryDetails("postgres-1")), second];
    expect(planFlip(topology({ nodes }), asked).kind).toBe("refused");
  });

  test("is refused where two nodes are open for writes, or none is", () => {
    const both = [node(primaryDetails("postgres-1")), node(primaryDetails("postgres-2"))];
    const none = [silentNode("postgres-1"), node(standbyDetails("postgres-2"))];
    expect(planFlip(topology({ nodes: both }), asked).kind).toBe("refused");
    expect(planFlip(topology({ nodes: none }), asked).kind).toBe("refused");
  });

  test("is refused where there is no router to tell", () => {
    expect(planFlip(topology({ routers: [] }), asked).kind).toBe("refused");
  });
});

describe("a flip that was cut off", () => {
  const after = (...nodes: Parameters<typeof planBegun>[0]["nodes"]): string =>
    planFlip(topology({ nodes, notes: [begun] }), { ...asked, to: "postgres-2" }).kind;

  test("is taken back while nothing was promoted", () => {
    const standby = node(standbyDetails("postgres-2"));
    expect(after(node(primaryDetails("postgres-1")), standby)).toBe("back");
    expect(after(node(primaryDetails("postgres-1", { state: "fenced" })), standby)).toBe("back");
    expect(after(node(primaryDetails("postgres-1", { state: "fenced", role: "down" })), standby)).toBe(
      "back",
    );
    expect(after(silentNode("postgres-1", "STOPPED"), standby)).toBe("back");
  });

  test("is finished once the standby is promoted, whatever became of the old primary", () => {
    const promoted = node(primaryDetails("postgres-2", { timeline: 4 }));
    expect(after(node(primaryDetails("postgres-1", { state: "fenced", role: "down" })), promoted)).toBe(
      "finish",
    );
    expect(after(node(standbyDetails("postgres-1", { timeline: 4 })), promoted)).toBe("finish");
    expect(after(silentNode("postgres-1"), promoted)).toBe("finish");
  });

  test("is left alone while nobody knows whether the standby was promoted", () => {
    const closed = node(primaryDetails("postgres-1", { state: "fenced", role: "down" }));
    expect(after(closed, silentNode("postgres-2"))).toBe("refused");
    expect(after(closed, node(standbyDetails("postgres-2", { state: "hung" })))).toBe("refused");
    expect(after(closed, node(standbyDetails("postgres-2", { role: "down", state: "down" })))).toBe(
      "refused",
    );
  });

  test("is taken back without the standby's word while the old primary is open", () => {
    expect(after(node(primaryDetails("postgres-1")), silentNode("postgres-2"))).toBe("back");
  });

  test("is the older one where hosts remember two", () => {
    const newer = {
      ...begun,
      id: "b-2",
      from: "postgres-2",
      to: "postgres-1",
      at: "2026-01-02T00:00:00.000Z",
    };
    expect(planFlip(topology({ notes: [newer, begun] }), asked)).toMatchObject({ from: "postgres-1" });
  });
});

describe("the end of a stopped primary's WAL", () => {
  test("is read from what was printed", () => {
    expect(finalPosition("stopped\nfinal 0/3000028 3")).toEqual({ lsn: "0/3000028", timeline: 3 });
  });

  test.each(["", "final 0/30", "stopped"])("is unknown from %j", (said) => {
    expect(finalPosition(said)).toBeUndefined();
  });
});
