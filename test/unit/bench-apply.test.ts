import { describe, expect, it } from "@jest/globals";
import { applySection, type ApplyResult, type Sample } from "../../bench/apply/report.ts";

const sample = (who: string, reach: Sample["reach"], what: Sample["case"], seconds: number): Sample => ({
  ...{ size: 2, round: 1, who, reach, case: what, load: 1 },
  ...{ seen: seconds, ended: seconds },
});

const ours = [
  sample("bin/pulumi up", "whole", "nothing to do", 3),
  sample("bin/pulumi up", "whole", "look at the hosts", 2),
  sample("bin/pulumi up", "whole", "one line", 4),
];

const by = (who: string, nothing: number): readonly Sample[] => [
  sample(who, "whole", "nothing to do", nothing),
  sample(who, "whole", "one line", nothing + 2),
  sample(who, "limited", "one line", 8),
];

function section(samples: readonly Sample[], ...failing: readonly string[]): string {
  const machine = { cpu: "any", cores: 2, memoryGiB: 4, kernel: "6", incus: "6", node: "24", pulumi: "3" };
  const failures = failing.map((who) => ({ who, why: "its output was lost" }));
  const result: ApplyResult = {
    ...machine,
    measured: "2026-11-21T",
    ansible: "ansible-core 2",
    samples,
    failures,
  };
  return applySection(result);
}

function rows(samples: readonly Sample[]): readonly string[] {
  return section(samples)
    .split("\n")
    .filter((line) => line.startsWith("|") && !line.includes("---"));
}

describe("the table of updates beside Ansible's", () => {
  it("sets ours beside the playbook's, and our look at the hosts beside its run with nothing to do", () => {
    expect(rows([...ours, ...by("Ansible", 30)])).toEqual([
      "| instances | case | bin/pulumi up | whole playbook | ratio | with --limit | ratio |",
      "| 2+2 | nothing to do | 3.0 | 30.0 | 10.0 |  |  |",
      "| 2+2 | look at the hosts | 2.0 | 30.0 | 15.0 |  |  |",
      "| 2+2 | one line | 4.0 | 32.0 | 8.0 | 8.0 | 2.0 |",
    ]);
  });

  it("says who failed, so that rounds were begun again", () => {
    expect(section(ours)).toContain("in our favour. No run failed. 2026-11-21: ");
    expect(section(ours, "Ansible", "bin/pulumi up", "Ansible")).toContain(
      "Rounds begun again because a run in them failed: Ansible × 2, bin/pulumi up × 1. 2026-11-21: ",
    );
  });

  it("has columns for each of the ways that Ansible has into containers", () => {
    expect(rows([...ours, ...by("Ansible over SSH", 30), ...by("Ansible over HTTPS", 60)])).toEqual([
      "| instances | case | bin/pulumi up | whole playbook over SSH | ratio | with --limit over SSH | ratio | whole playbook over HTTPS | ratio | with --limit over HTTPS | ratio |",
      "| 2+2 | nothing to do | 3.0 | 30.0 | 10.0 |  |  | 60.0 | 20.0 |  |  |",
      "| 2+2 | look at the hosts | 2.0 | 30.0 | 15.0 |  |  | 60.0 | 30.0 |  |  |",
      "| 2+2 | one line | 4.0 | 32.0 | 8.0 | 8.0 | 2.0 | 62.0 | 15.5 | 8.0 | 2.0 |",
    ]);
  });
});
