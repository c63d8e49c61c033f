// Writes a preview on a pull request; run by the workflows `preview` with a token that can write comments, so it uses
// nothing that npm installed: node tools/preview/comment.ts --file preview/comment.md --pull 12
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { ForgeError, pullOf, type Repository } from "./forge.ts";
import { showPreview, workflowAuthors } from "./preview.ts";

const usage = `usage: node tools/preview/comment.ts --file FILE (--pull NUMBER | --head OWNER:BRANCH --commit SHA) [--author LOGIN]
  --file     Markdown, as bin/veza diff --save writes it
  --pull     the pull request, or
  --head     whose branch its commits are on, and
  --commit   its newest commit: a pull request that has gone on since is left alone
  --author   login that the token writes as (default: ${workflowAuthors.join(" or ")})
Environment: PREVIEW_TOKEN; GITHUB_API_URL and GITHUB_REPOSITORY, which every run of a workflow has.
Ends with 0 when the comment says what it has to, or nobody waits for it any more; with 1 when it could not be written.`;

async function main(): Promise<string> {
  const { values } = parseArgs({
    options: {
      file: { type: "string" },
      pull: { type: "string" },
      head: { type: "string" },
      commit: { type: "string" },
      author: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) return usage;
  const { file, head, commit, author } = values;
  const repository = repositoryOf(process.env);
  if (file === undefined) throw new ForgeError(usage);
  const preview = await readFile(file, "utf8");
  const pull = await pullRequest();
  if (pull === undefined)
    return `no open pull request ends with ${commit ?? ""} any more: nothing was written`;
  const done = await showPreview(
    repository,
    pull,
    preview,
    author === undefined ? workflowAuthors : [author],
  );
  return `the preview on pull request ${String(pull)}: ${done}`;

  async function pullRequest(): Promise<number | undefined> {
    if (values.pull !== undefined && /^[1-9]\d*$/.test(values.pull)) return Number(values.pull);
    if (values.pull !== undefined || head === undefined || commit === undefined) throw new ForgeError(usage);
    return pullOf(repository, head, commit);
  }
}

function repositoryOf(env: Readonly<NodeJS.ProcessEnv>): Repository {
  const { GITHUB_API_URL: api, GITHUB_REPOSITORY: name, PREVIEW_TOKEN: token } = env;
  if (!api || !name || !token) throw new ForgeError(usage);
  return { api, name, token };
}

try {
  console.log(await main());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
