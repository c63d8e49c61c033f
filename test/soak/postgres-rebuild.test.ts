import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { judge } from "../../src/ops/postgres/judge.ts";
import { FlipLab } from "../lab/postgres-flip-lab.ts";

let lab: FlipLab;

beforeAll(async () => {
  lab = await FlipLab.open();
}, 400_000);

afterAll(async () => {
  await lab.close();
}, 60_000);

it("a rebuild that fails keeps the snapshot, says how to return, and can be run again", async () => {
  const { primary } = judge(await lab.look());
  const node = lab.site.nodes.find(({ name }) => name !== primary)?.name ?? "";
  await lab.containers.shell(node, "mv /usr/lib/postgresql/17/bin/pg_basebackup /root/");
  const said = await lab.rebuild(node);
  await lab.containers.shell(node, "mv /root/pg_basebackup /usr/lib/postgresql/17/bin/");
  const [kept = "", ...more] = await lab.snapshots(node);
  expect(more).toEqual([]);
  expect(kept).not.toBe("");
  expect(said).toContain(`incus storage volume snapshot restore default ${node}-data ${kept}`);
  expect(judge(await lab.look())).toMatchObject({ verdict: "degraded", primary });
  expect(await lab.rebuild(node)).toMatch(/copied and following/);
}, 120_000);
