import { describe, expect, it } from "@jest/globals";
import { existsSync, readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";

const repository = new URL("../../", import.meta.url);

const step = z.object({
  uses: z.string().optional(),
  run: z.string().optional(),
  with: z.record(z.string(), z.unknown()).default({}),
  env: z.record(z.string(), z.string()).default({}),
});
const workflow = z.object({
  on: z.record(z.string(), z.unknown()),
  permissions: z.object({}).strict(),
  jobs: z.record(
    z.string(),
    z.object({
      if: z.string().optional(),
      "timeout-minutes": z.number(),
      permissions: z.record(z.string(), z.string()),
      steps: z.array(step),
    }),
  ),
});

const files = [
  ".github/workflows/preview.yml",
  ".github/workflows/preview-comment.yml",
  ".forgejo/workflows/preview.yml",
] as const;

function read(file: string): z.infer<typeof workflow> {
  return workflow.parse(parse(readFileSync(new URL(file, repository), "utf8")));
}

const jobs = files.flatMap((file) =>
  Object.entries(read(file).jobs).map(([name, job]) => ({ name: `${name} of ${file}`, file, job })),
);

describe.each(jobs)("the job $name", ({ job }) => {
  const writes = Object.values(job.permissions).includes("write");
  const runs = job.steps.flatMap(({ run }) => run ?? []).join("\n");

  it("either runs code of the pull request or has a token that can write", () => {
    expect(runs.includes("bin/veza")).toBe(!writes);
    expect(Object.entries(job.permissions).filter(([, access]) => access === "write")).toEqual(
      writes ? [["pull-requests", "write"]] : [],
    );
  });

  it("leaves no token in the checkout, and none in sight of the pull request's code", () => {
    for (const { uses, with: given } of job.steps.filter(({ uses }) => uses?.includes("/checkout@") === true))
      expect([uses, given["persist-credentials"]]).toEqual([uses, false]);
    const seen = JSON.stringify(job.steps.map(({ env, with: given }) => [env, given]));
    expect(/token|secrets/i.test(seen)).toBe(writes);
  });

  it("puts nothing that others may choose into a shell's text", () => {
    expect(runs).not.toContain("${{");
  });

  it("installs nothing from npm where it can write, and names programs that there are", () => {
    if (writes) expect(runs).toMatch(/^node tools\/preview\/comment\.ts /);
    for (const [path = ""] of runs.matchAll(/(?:bin|tools)\/[\w./-]+/g))
      expect(existsSync(new URL(path, repository))).toBe(true);
  });
});

describe("what writes the comment", () => {
  it("runs the base's code: on GitHub after the other run, on Forgejo by the base branch, and not for forks", () => {
    expect(Object.keys(read(".github/workflows/preview-comment.yml").on)).toEqual(["workflow_run"]);
    const { comment } = read(".forgejo/workflows/preview.yml").jobs;
    expect(comment?.if).toContain("github.event.pull_request.head.repo.full_name == github.repository");
    expect(comment?.steps.find(({ uses }) => uses?.includes("/checkout@") === true)?.with["ref"]).toBe(
      "${{ github.base_ref }}",
    );
  });

  it("imports nothing that npm installs", () => {
    for (const file of ["comment", "preview", "forge"]) {
      const text = readFileSync(new URL(`tools/preview/${file}.ts`, repository), "utf8");
      expect(
        [...text.matchAll(/from "([^"]+)"/g)].filter(([, from = ""]) => !/^(node:|\.\/)/.test(from)),
      ).toEqual([]);
    }
  });

  it("is started by no workflow that gives a token to code of a fork", () => {
    for (const file of files) expect(Object.keys(read(file).on)).not.toContain("pull_request_target");
  });
});
