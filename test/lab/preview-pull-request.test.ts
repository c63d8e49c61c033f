import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { appendFile, cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { imagesSchema } from "../../src/config/incus.ts";
import { prometheusImage } from "../../stacks/monitoring/src/prometheus-unit.ts";
import { ImagePrograms } from "./support/image-programs.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

let repository: string;
/** HAProxy and systemd of the release that the containers have. */
let programs: ImagePrograms;

/** A repository with this tree as its first commit, and branches for pull requests. */
beforeAll(async () => {
  repository = await mkdtemp(join(tmpdir(), "veza-pull-request-"));
  const { stdout } = await execa("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
  });
  for (const file of stdout.split("\0").filter((name) => name !== ""))
    await cp(join(root, file), join(repository, file));
  await symlink(join(root, "node_modules"), join(repository, "node_modules"));
  await git("init", "--quiet", "--initial-branch", "main");
  await appendFile(join(repository, ".git/info/exclude"), "node_modules\n");
  await commit("first");
  programs = await ImagePrograms.open("veza-test-preview", [
    {
      container: "preview-programs",
      image: "haproxy",
      spec: imagesSchema.parse({}).haproxy,
      programs: ["haproxy", "systemd-analyze"],
      variables: ["STATE_FILE", "SYSTEMD_UNIT_PATH", "SYSTEMD_LOG_LEVEL"],
    },
    {
      container: "preview-promtool",
      image: "prometheus",
      spec: prometheusImage({ imageRevision: 1 }),
      programs: ["promtool"],
    },
  ]);
}, 180_000);

afterAll(async () => {
  await programs.close();
  await rm(repository, { recursive: true, force: true });
}, 60_000);

beforeEach(() => git("checkout", "--quiet", "-B", "change", "main"));

async function git(...words: readonly string[]): Promise<void> {
  const author = { GIT_AUTHOR_NAME: "test", GIT_AUTHOR_EMAIL: "test@example.org" };
  const committer = { GIT_COMMITTER_NAME: "test", GIT_COMMITTER_EMAIL: "test@example.org" };
  await execa("git", words, { cwd: repository, env: { ...author, ...committer } });
}

async function commit(message: string): Promise<void> {
  await git("add", "--all", ".");
  await git("commit", "--quiet", "--message", message);
}

async function edit(file: string, ...edits: readonly (readonly [from: string, to: string])[]): Promise<void> {
  let text = await readFile(join(repository, file), "utf8");
  for (const [from, to] of edits) {
    expect(text).toContain(from);
    text = text.replace(from, to);
  }
  await writeFile(join(repository, file), text);
}

interface Preview {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs bin/veza diff in a network namespace where nothing answers, without a state or a secret. */
async function preview(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Preview> {
  const nowhere = join(repository, ".git", "no-state");
  const { exitCode, stdout, stderr } = await execa(
    "unshare",
    ["--net", "--", join(repository, "bin/veza"), "diff", ...words],
    {
      cwd: repository,
      reject: false,
      stdin: "ignore",
      env: {
        PULUMI_BACKEND_URL: `file://${nowhere}`,
        PULUMI_CONFIG_PASSPHRASE: "",
        SSH_AUTH_SOCK: "",
        ...env,
      },
    },
  );
  return { exitCode, stdout, stderr };
}

/** Added and removed lines of a file, as the Markdown shows them. */
function linesOf(markdown: string, file: string): readonly string[] {
  const [, block = ""] =
    new RegExp(`<code>${file}</code>[^\\n]*\\n\\n\`\`\`diff\\n([^]*?)\\n\`\`\``).exec(markdown) ?? [];
  return block.split("\n").filter((line) => /^[-+]/.test(line));
}

/** Files whose lines the Markdown shows changed. */
function changedFiles(markdown: string): readonly string[] {
  return [...markdown.matchAll(/<details open><summary><code>([^<]*)<\/code>/g)].map(([, file = ""]) => file);
}

const prod = "Pulumi.prod.yaml";
const haproxyCfg = "haproxy/etc/haproxy/current/haproxy.cfg";

describe("a pull request of three changes: a time-out, a new instance, a removed name", () => {
  it("shows exactly those lines and what follows from them, without network and state", async () => {
    await edit(
      prod,
      [
        "    instances:\n      - name: haproxy",
        "    timeouts:\n      serverSeconds: 90\n    instances:\n      - name: haproxy",
      ],
      [
        "          address: 10.79.0.22\n",
        "          address: 10.79.0.22\n        - id: 3\n          address: 10.79.0.23\n",
      ],
      ["[talas.fr, www.talas.fr]", "[talas.fr]"],
    );
    await commit("three changes");
    const { exitCode, stdout, stderr } = await preview(["--base", "main", "--format", "markdown"]);
    expect([exitCode, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(
      /### Stack `lab`\n\nNothing changes \(\d+ unchanged; compared with main \([0-9a-f]{7}\)\)\./,
    );
    expect(stdout).toMatch(/### Stack `staging`\n\nNothing changes/);
    expect(changedFiles(stdout)).toEqual([
      haproxyCfg,
      "haproxy/etc/dehydrated/domains.txt",
      "haproxy/etc/systemd/system/veza-certificates.service",
    ]);
    expect(linesOf(stdout, "haproxy/etc/dehydrated/domains.txt")).toEqual([
      "-talas.fr www.talas.fr",
      "+talas.fr",
    ]);
    const lines = linesOf(stdout, haproxyCfg);
    expect(lines.filter((line) => !line.includes("backend-api-3") && line !== "+")).toEqual([
      "-    timeout server 30s",
      "+    timeout server 90s",
    ]);
    expect(lines).toContain(
      "+    server backend-api-3 10.79.0.23:8080 id 3 cookie backend-api-3 agent-check agent-port 8079",
    );
    const says = [...stdout.replaceAll(/^<details[^]*?^<\/details>$/gm, "").matchAll(/^- (.*)$/gm)].map(
      ([, text = ""]) => text.replaceAll(/[*\\]/g, ""),
    );
    expect(says).toEqual([
      "makes the container backend-api-3",
      "deploys backend-api-3 with backend-api.tar.gz (000000000000); it is healthy before a load balancer of api_pool first sees it",
      "has HAProxy check the new configuration and reloads it: no connection is cut; those still open 3600 s later end then",
      "backend-api-3 joins api_pool",
      "⚠️ www.talas.fr is in no certificate any more",
      "asks acme-v02.api.letsencrypt.org for a new certificate of talas.fr instead of the one for talas.fr and www.talas.fr, unless the volume has one; the old one serves meanwhile",
      "renews the self-signed placeholders; they are served only for names that have no issued certificate",
      "makes letsencrypt-talas.fr-placeholder anew",
    ]);
  }, 120_000);
});

describe("a pull request that changes code and not config", () => {
  it("shows what a changed template changes in every stack, and what a script does otherwise", async () => {
    await edit("templates/etc/haproxy/current/haproxy.cfg.hbs", ["retries 3", "retries 4"]);
    await edit("src/incus/files.sh", ["sleep 0.05", "sleep 0.06"]);
    await commit("code");
    const { stdout } = await preview([
      "--base",
      "main",
      "--stack",
      "prod",
      "staging",
      "--format",
      "markdown",
    ]);
    expect(stdout.split("### Stack").slice(1).map(changedFiles)).toEqual([
      [haproxyCfg],
      [],
      [haproxyCfg],
      [],
    ]);
    expect(stdout).toMatch(
      /<summary>Another script applies backend-api-1-rollout-apply and \d more \+1 −1<\/summary>/,
    );
  }, 120_000);
});

describe("a pull request that gives the edge one more thing to watch", () => {
  it("shows the line that has Prometheus watch it, beside the edge's own", async () => {
    await edit("Pulumi.lab.yaml", [
      "        localNode: 1\n",
      "        localNode: 1\n      - id: 2\n        address: 10.77.0.56\n        localNode: 2\n",
    ]);
    await commit("a second router");
    const words = ["--base", "main", "--stack", "lab", "--format", "markdown", "--check", "required"];
    const { exitCode, stdout } = await preview(words, programs.environment);
    expect(exitCode).toBe(0);
    const [, edge = "", monitoring = ""] = stdout.split(/^### Stack `lab`/m);
    expect(edge).toContain("makes the container db-router-2");
    expect(monitoring).toMatch(/^ of `veza-monitoring`\n\n1 updated, \d unchanged; compared with main/);
    expect(linesOf(monitoring, "prometheus/etc/prometheus/prometheus.yml")).toEqual([
      '+      - targets: ["10.77.0.56:8404"]',
      "+        labels:",
      "+          instance: db-router-2",
    ]);
    expect(monitoring).toContain("- begins to watch db-router-2 (database-router)");
    expect(monitoring).toMatch(/checked by promtool 2\.\S+: 1 file, nothing to complain about/);
  }, 120_000);
});

describe("a pull request that Prometheus would refuse", () => {
  it("fails with promtool's words, file, line and config key", async () => {
    await edit("templates/etc/prometheus/rules/alerts.yml.hbs", ["expr: up == 0", "expr: up =="]);
    await edit("stacks/monitoring/Pulumi.prod.yaml", [
      "config:\n",
      "config:\n  veza-monitoring:extraRules: |\n    groups:\n      - name: mine\n        rules:\n          - { alert: Mine, expr: 'sum(' }\n",
    ]);
    await edit("templates/etc/prometheus/prometheus.yml.hbs", ["  scrape_timeout:", "  scrape_patience:"]);
    await commit("slips");
    const words = ["--base", "main", "--stack", "prod", "--check", "required"];
    const { exitCode, stdout } = await preview(words, programs.environment);
    expect(exitCode).toBe(1);
    const complaint = (file: string): string =>
      new RegExp(`^prometheus:/etc/prometheus/${file}(.*(?:\\n {4}.*)*)`, "m").exec(stdout)?.[1] ?? "";
    expect(complaint("rules/alerts\\.yml")).toMatch(/^:\d+: .*"TargetDown": could not parse expression: .*/);
    expect(complaint("rules/extra\\.yml")).toMatch(
      /^:\d+: .*"Mine": could not parse expression: .*unclosed left parenthesis \(from veza-monitoring:extraRules\)$/,
    );
    expect(complaint("prometheus\\.yml")).toMatch(/field scrape_patience not found/);
  }, 120_000);
});

describe("a pull request that HAProxy would refuse", () => {
  it("fails with file, line and config key", async () => {
    await edit(prod, [
      "    instances:\n      - name: haproxy",
      "    extraConfig:\n      frontends: |\n        http-request set-heeder X-Edge veza\n    instances:\n      - name: haproxy",
    ]);
    await commit("a slip");
    const folder = join(repository, ".git", "preview");
    const words = ["--base", "main", "--stack", "prod", "--check", "required", "--save", folder];
    const { exitCode, stdout } = await preview(words, programs.environment);
    expect(exitCode).toBe(1);
    const [, line = "", text = ""] =
      /^haproxy:\/etc\/haproxy\/current\/haproxy\.cfg:(\d+): (.*)$/m.exec(stdout) ?? [];
    expect(text).toBe(
      "http-request set-heeder X-Edge veza (from veza-edge:loadBalancer.extraConfig.frontends)",
    );
    expect(Number(line)).toBeGreaterThan(50);
    const comment = await readFile(join(folder, "comment.md"), "utf8");
    expect(comment).toContain(
      `**This would be refused:**\n\n- HAProxy: \`${haproxyCfg.replace("/", ":/")}:${line}\``,
    );
    await rm(folder, { recursive: true });
  }, 120_000);

  it("and systemd, for a slip in a unit, and one with a program that nobody brings", async () => {
    await edit("templates/etc/systemd/system/veza-agent.service.hbs", ["Restart=always", "Restrat=always"]);
    await edit("templates/etc/systemd/system/veza-challenge.service.hbs", [
      "[Service]\n",
      "[Service]\nExecStartPre=/usr/local/lib/veza/not-there\n",
    ]);
    await commit("slips");
    const { exitCode, stdout } = await preview(
      ["--base", "main", "--stack", "staging"],
      programs.environment,
    );
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(
      /^backend-api-1:\/etc\/systemd\/system\/veza-agent\.service:\d+: Unknown key '?Restrat'?/m,
    );
    expect(stdout).toContain(
      "haproxy:/etc/systemd/system/veza-challenge.service: Command /usr/local/lib/veza/not-there is not executable",
    );
  }, 120_000);

  it("passes when there is nothing to refuse, on every stack", async () => {
    const { exitCode, stdout, stderr } = await preview(
      ["--whole", "--stack", "lab", "staging", "prod"],
      programs.environment,
    );
    const complaints = stdout.split("\n").filter((line) => /^[a-z0-9-]+:\/|^not checked/.test(line));
    expect([exitCode, stderr, complaints]).toEqual([0, "", []]);
    expect(stdout.match(/^checked by HAProxy 3\.\S+: \d files?, nothing to complain about$/gm)).toHaveLength(
      3,
    );
    expect(stdout.match(/^checked by systemd 257\S*: \d+ files, nothing to complain about$/gm)).toHaveLength(
      3,
    );
  }, 120_000);
});

describe("a preview that cannot be made", () => {
  it("says why in the comment, too", async () => {
    await edit(prod, ["10.79.0.22", "10.79.0.21"]);
    await commit("an address twice");
    const folder = join(repository, ".git", "preview");
    const { exitCode, stderr } = await preview(["--base", "main", "--save", folder]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("Pulumi.prod.yaml has 1 mistake");
    const comment = await readFile(join(folder, "comment.md"), "utf8");
    expect(comment).toMatch(/^### No preview\n\n```\nPulumi\.prod\.yaml has 1 mistake/);
    await rm(folder, { recursive: true });
  }, 120_000);

  it("says what to do about a base from before it could be compared with", async () => {
    await edit("src/ops/diff/command.ts", ['"--plan"', '"--plan-of-old"']);
    await commit("as it was once");
    await git("branch", "--force", "old");
    await git("checkout", "--quiet", "main", "--", ".");
    await commit("as it is");
    const { exitCode, stderr } = await preview(["--base", "old", "--stack", "prod"]);
    expect([exitCode, stderr]).toEqual([
      1,
      expect.stringMatching(
        /^bin\/veza: old \([0-9a-f]{7}\) is from before 'bin\/veza diff' could be compared with/,
      ),
    ]);
  }, 120_000);

  it("says so of a revision that git does not know", async () => {
    const { exitCode, stderr } = await preview(["--base", "no-such-branch"]);
    expect([exitCode, stderr]).toEqual([
      1,
      expect.stringContaining("git knows no revision 'no-such-branch'"),
    ]);
  }, 60_000);
});
