import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../tools/preview/comment.ts", import.meta.url));

interface Stored {
  readonly id: number;
  readonly author: string;
  body: string;
}

/** The part of the API that is used, as GitHub or Forgejo has it: real HTTP, no more of a server than that. */
class Forge {
  readonly comments: Stored[] = [];
  readonly requests: string[] = [];
  readonly authorizations = new Set<string | undefined>();
  /** Statuses that the next requests end with, of a method or of any. */
  readonly failures: { readonly status: number; readonly method: string | undefined }[] = [];
  readonly #pageSize: number | undefined;
  readonly #prefix: string;
  readonly #login: string;
  #server: Server | undefined;

  /** @param pageSize undefined: lists come whole, as Forgejo's do */
  constructor(prefix: string, login: string, pageSize: number | undefined) {
    this.#prefix = prefix;
    this.#login = login;
    this.#pageSize = pageSize;
  }

  async open(): Promise<string> {
    const server = createServer((request, response) => void this.#answer(request, response));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}${this.#prefix}`;
  }

  close(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }

  failWith(status: number, method?: string): void {
    this.failures.push({ status, method });
  }

  add(author: string, body: string): void {
    this.comments.push({ id: 100 + this.comments.length, author, body });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "", headers } = request;
    this.authorizations.add(headers.authorization);
    const { pathname, searchParams } = new URL(url, "http://localhost");
    const path = pathname.startsWith(this.#prefix) ? pathname.slice(this.#prefix.length) : "";
    this.requests.push(`${method} ${path}`);
    const [next] = this.failures;
    const failure = next?.method === undefined || next.method === method ? this.failures.shift() : undefined;
    const sent = method === "GET" ? "" : (JSON.parse(await text(request)) as { body: string }).body;
    const send = (status: number, body: unknown, more: Record<string, string> = {}): void => {
      response.writeHead(status, { "content-type": "application/json", ...more }).end(JSON.stringify(body));
    };
    const shown = (one: Stored): object => ({ id: one.id, body: one.body, user: { login: one.author } });
    const [, id] = /^\/repos\/talas\/edge\/issues\/comments\/(\d+)$/.exec(path) ?? [];
    const named = this.comments.find((one) => String(one.id) === id);
    const list = "/repos/talas/edge/issues/12/comments";
    if (failure !== undefined) send(failure.status, { message: "not now" });
    else if (headers.authorization !== "token secret-of-this-run") send(401, { message: "Bad credentials" });
    else if (method === "GET" && path === list) {
      const size = this.#pageSize ?? this.comments.length;
      const page = Number(searchParams.get("page") ?? "1");
      const more = page * size < this.comments.length;
      const address = `http://${headers.host ?? ""}${pathname}?per_page=100&page=${String(page + 1)}`;
      const items = this.comments.slice((page - 1) * size, page * size).map(shown);
      send(200, items, more ? { link: `<${address}>; rel="next", <${address}>; rel="last"` } : {});
    } else if (method === "GET" && path === "/repos/talas/edge/pulls") {
      const heads = [
        { number: 11, head: { sha: "aaaa" } },
        { number: 12, head: { sha: "bbbb" } },
      ];
      send(200, searchParams.get("head") === "somebody:topic/é" ? heads : []);
    } else if (method === "POST" && path === list) {
      const made = { id: 100 + this.comments.length, author: this.#login, body: sent };
      this.comments.push(made);
      send(201, shown(made));
    } else if (method === "PATCH" && named !== undefined) {
      named.body = sent;
      send(200, shown(named));
    } else send(404, { message: "Not Found" });
  }
}

let forge: Forge;
let api: string;
let directory: string;

async function opened(one: Forge): Promise<void> {
  forge = one;
  api = await forge.open();
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "veza-comment-"));
});

afterEach(async () => {
  forge.close();
  await rm(directory, { recursive: true });
});

/** Runs the program as the workflow does. */
async function comment(
  preview: string,
  words: readonly string[] = ["--pull", "12"],
  token = "secret-of-this-run",
): Promise<{ readonly exitCode: number | undefined; readonly said: string }> {
  const file = join(directory, "comment.md");
  await writeFile(file, preview);
  const { exitCode, all } = await execa(process.execPath, [program, "--file", file, ...words], {
    env: { GITHUB_API_URL: api, GITHUB_REPOSITORY: "talas/edge", PREVIEW_TOKEN: token },
    all: true,
    reject: false,
  });
  return { exitCode, said: all };
}

const servers = [
  ["GitHub", () => new Forge("", "github-actions[bot]", 100)],
  ["Forgejo", () => new Forge("/api/v1", "forgejo-actions", undefined)],
] as const;

describe.each(servers)("the preview on a pull request of %s", (_, made) => {
  beforeEach(() => opened(made()));

  it("is one comment, which the next run changes", async () => {
    expect((await comment("first\n")).said).toBe("the preview on pull request 12: added");
    expect((await comment("second\n")).said).toBe("the preview on pull request 12: changed");
    expect(forge.comments.map(({ body }) => body)).toEqual(["<!-- veza-edge preview -->\nsecond\n"]);
    expect([...forge.authorizations]).toEqual(["token secret-of-this-run"]);
  });

  it("is left alone when it says the same already", async () => {
    await comment("same\n");
    expect((await comment("same\n")).said).toBe("the preview on pull request 12: left as it is");
    expect(forge.requests.filter((request) => !request.startsWith("GET"))).toHaveLength(1);
  });

  it("is found behind a hundred and more other comments", async () => {
    for (let n = 0; n < 250; n++) forge.add("somebody", `comment ${String(n)}`);
    await comment("first\n");
    await comment("second\n");
    expect(forge.comments).toHaveLength(251);
    expect(forge.comments.at(-1)?.body).toContain("second");
  });

  it("is never somebody else's comment, whatever that says", async () => {
    forge.add("mallory", "<!-- veza-edge preview -->\nNothing changes.\n");
    await comment("truth\n");
    expect(forge.comments.map(({ author, body }) => [author, body.split("\n")[1]])).toEqual([
      ["mallory", "Nothing changes."],
      [expect.stringMatching(/actions/), "truth"],
    ]);
  });
});

describe("the preview on a pull request", () => {
  beforeEach(() => opened(new Forge("", "github-actions[bot]", 100)));

  it("is found by its newest commit, on a branch of a fork", async () => {
    const words = ["--head", "somebody:topic/é", "--commit", "bbbb"];
    expect((await comment("text\n", words)).said).toBe("the preview on pull request 12: added");
  });

  it("is not written when the pull request has gone on since", async () => {
    const { exitCode, said } = await comment("text\n", ["--head", "somebody:topic/é", "--commit", "cccc"]);
    expect([exitCode, said]).toEqual([
      0,
      "no open pull request ends with cccc any more: nothing was written",
    ]);
    expect(forge.comments).toEqual([]);
  });

  it("is cut at what a comment may have", async () => {
    await comment("x".repeat(100_000));
    expect(forge.comments[0]?.body).toHaveLength(65_536);
    expect(forge.comments[0]?.body).toMatch(/The whole preview is attached to the run\.\n$/);
  });

  it("outlives a server that is away for a moment", async () => {
    forge.failWith(502);
    forge.failWith(429);
    expect((await comment("text\n")).exitCode).toBe(0);
    expect(forge.comments).toHaveLength(1);
  }, 30_000);

  it("is not sent twice to a server that failed, and may have taken it", async () => {
    await comment("text\n");
    forge.comments.length = 0;
    forge.requests.length = 0;
    forge.failWith(502, "POST");
    const { exitCode, said } = await comment("text\n");
    expect([exitCode, said]).toEqual([1, expect.stringContaining(": 502 ")]);
    expect(forge.requests.filter((request) => request.startsWith("POST"))).toHaveLength(1);
  });

  it("says what the server said, and what the token is short of, and does not show the token", async () => {
    const { exitCode, said } = await comment("text\n", ["--pull", "12"], "wrong-token");
    expect(exitCode).toBe(1);
    expect(said).toMatch(/^GET http:.*: 401 .*Bad credentials.*\nThe token has to be allowed to/);
    expect(said).not.toContain("wrong-token");
  });

  it.each([["12; rm"], ["0"], ["-1"]])("takes no pull request '%s'", async (pull) => {
    expect((await comment("text\n", [`--pull=${pull}`])).said).toMatch(/^usage:/);
    expect(forge.requests).toEqual([]);
  });
});
