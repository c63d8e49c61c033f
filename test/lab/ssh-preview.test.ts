import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { copyFile, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { filesOf } from "../../src/incus/files-body.ts";
import { repository } from "../../tools/machine/lab-stack.ts";

const root = fileURLToPath(repository);
const preview = z.object({
  changeSummary: z.record(z.string(), z.number()),
  steps: z.array(
    z.object({ newState: z.object({ inputs: z.object({ stdin: z.string().optional() }).prefault({}) }) }),
  ),
});

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "veza-preview-"));
  for (const file of ["Pulumi.yaml", "Pulumi.staging.yaml", "Pulumi.prod.yaml"])
    await copyFile(join(root, file), join(directory, file));
  for (const link of ["src", "templates", "node_modules", "package.json"])
    await symlink(join(root, link), join(directory, link));
  await mkdir(join(directory, "state"));
});
afterAll(() => rm(directory, { recursive: true }));

/** In a network namespace of its own, where nothing but the loopback interface answers. */
async function offline(command: string): Promise<string> {
  const { stdout } = await execa("unshare", ["-n", "sh", "-c", `ip link set lo up && exec ${command}`], {
    stdin: "ignore",
    timeout: 120_000,
    env: {
      PULUMI_BACKEND_URL: `file://${join(directory, "state")}`,
      PULUMI_CONFIG_PASSPHRASE: "of this test only",
      SSH_AUTH_SOCK: "",
    },
  });
  return stdout;
}

describe.each(["staging", "prod"])(
  "the stack %s, on an empty state, without network, key or certificate",
  (stack) => {
    it("previews with every file whole", async () => {
      const words = `preview --stack ${stack} --json --non-interactive --cwd ${directory}`;
      const { changeSummary, steps } = preview.parse(
        JSON.parse(await offline(`${join(root, "bin/pulumi")} ${words}`)),
      );
      expect(Object.keys(changeSummary)).toEqual(["create"]);
      const files = steps.flatMap(({ newState }) => filesOf(newState.inputs.stdin ?? ""));
      const configuration = files.find(({ path }) => path.endsWith("/haproxy.cfg"))?.content ?? "";
      expect(configuration).toMatch(/^backend stream_pool$/m);
      expect(files.filter(({ path }) => path === "/etc/systemd/system/backend-api.service").length).toBe(2);
    }, 120_000);

    it("shows the same files with bin/veza diff", async () => {
      const shown = await offline(`${join(root, "bin/veza")} diff --stack ${stack}`);
      expect(shown).toContain("+backend stream_pool\n");
      expect(
        shown.match(/^\+\+\+ backend-api-\d\/etc\/systemd\/system\/backend-api\.service/gm)?.length,
      ).toBe(2);
    }, 60_000);
  },
);
