import { describe, expect, it } from "@jest/globals";
import { patroniConfig, settingsLike } from "../../bench/failover/patroni-config.ts";
import { failoverSection, type FailoverResult } from "../../bench/failover/report.ts";
import type { WriteSample } from "../../bench/failover/write-outage.ts";

const write = (who: string, what: WriteSample["case"], round: number, outage: number): WriteSample => ({
  ...{ who, case: what, round, outage, slowest: outage + 0.1 },
  ...{ commits: 100, lost: 0, byBoth: 0, load: 1 },
});

const result: FailoverResult = {
  ...{ measured: "2026-11-21T12:00:00Z", cpu: "a CPU", cores: 2, memoryGiB: 24, kernel: "6", incus: "6" },
  ...{ node: "v24", pulumi: "3", versions: ["PostgreSQL 17", "Patroni 4"] },
  kills: [1, 2].flatMap((round) => [
    { who: "veza-edge", round, requests: 1_000, failed: 0, outage: 0.5, load: 2 },
    { who: "HAProxy", round, requests: 900, failed: 5 * round, outage: round, load: 2 },
  ]),
  writes: [
    ...[1, 2, 9].map((outage, round) => write("veza-edge", "switchover", round, outage)),
    ...[2, 4, 5].map((outage, round) => write("Patroni", "switchover", round, outage)),
    { ...write("veza-edge", "primary lost", 1, 40), lost: 3 },
    write("Patroni", "primary lost", 1, 20),
  ],
};

describe("the page of the comparison", () => {
  it("shows medians and the longest, all failures, and where the other is ahead", () => {
    expect(failoverSection(result)).toMatchInlineSnapshot(`
      "| an instance is killed (× 2) | requests | failed | longest time that a client had no answer |
      | --- | --- | --- | --- |
      | veza-edge | 2000 | 0 | 0.50 (0.50) |
      | HAProxy | 1800 | 15 | 1.50 (2.00) |

      |  | veza-edge | Patroni | ratio |
      | --- | --- | --- | --- |
      | planned switchover (× 3): no commit for | 2.00 (9.00) | 4.00 (5.00) | 0.50 |
      | the client that waited longest | 2.10 (9.10) | 4.10 (5.10) | 0.51 |
      | acknowledged commits | 300 | 300 |  |
      | of these lost | 0 | 0 |  |
      | taken by the old primary after the new one | 0 | 0 |  |
      | primary killed (× 1): no commit for | 40.00 (40.00) from a person's word on | 20.00 (20.00) by itself | Patroni is ahead |
      | the client that waited longest | 40.10 (40.10) from a person's word on | 20.10 (20.10) by itself | Patroni is ahead |
      | acknowledged commits | 100 | 100 |  |
      | of these lost | 3 | 0 |  |
      | taken by the old primary after the new one | 0 | 0 |  |

      Seconds are medians, with the longest in brackets; a ratio below 1 is in our favour. 2026-11-21: 2 cores (a CPU), 24 GiB, Linux 6, Incus 6, Node v24, PostgreSQL 17, Patroni 4; load of the machine 1 to 2.
      "
    `);
  });
});

describe("a cluster under Patroni", () => {
  it("has our nodes' settings, but for those that Patroni says itself", () => {
    const ours = {
      max_connections: "40",
      primary_conninfo: "host=10.0.0.2",
      port: "5432",
      log_line_prefix: "%p ",
    };
    const config: unknown = JSON.parse(
      patroniConfig(
        { name: "patroni-1", address: "10.0.0.1" },
        { etcd: "10.0.0.3", subnet: "10.0.0", settings: settingsLike(ours) },
      ),
    );
    expect(config).toHaveProperty("bootstrap.dcs.postgresql.parameters", {
      max_connections: "40",
      log_line_prefix: "%p ",
    });
  });
});
