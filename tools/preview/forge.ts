import { setTimeout as pause } from "node:timers/promises";

/** A repository on a server that speaks GitHub's REST API, or Forgejo's, which agree in all that is used here. */
export interface Repository {
  /** `https://api.github.com`, or `https://HOST/api/v1`. */
  readonly api: string;
  /** `owner/name` */
  readonly name: string;
  /** May write comments on pull requests, and needs no more than that. */
  readonly token: string;
}

export interface Comment {
  readonly id: number;
  readonly body: string;
  /** Login of its author; empty for one that is gone. */
  readonly author: string;
}

/** The server did not do what it was asked for; says what it answered. */
export class ForgeError extends Error {
  override readonly name = "ForgeError";
}

/** Limit for one request, in ms. */
const limitMs = 30_000;
/** A server that is away for a moment, or wants us to slow down, is asked again after so long, in ms. */
const pausesMs = [1_000, 3_000];
/** More pages than this are a mistake of one of us. */
const mostPages = 100;

/** All comments of a pull request, oldest first. @throws ForgeError */
export async function commentsOf(repository: Repository, pull: number): Promise<readonly Comment[]> {
  const items = await everyPage(repository, `/issues/${String(pull)}/comments?per_page=100`);
  return items.map((item) => ({
    id: numberAt(item, "id"),
    body: textAt(item, "body"),
    author: textAt(fieldOf(item, "user"), "login"),
  }));
}

/** @throws ForgeError */
export async function addComment(repository: Repository, pull: number, body: string): Promise<void> {
  await send(repository, "POST", `/issues/${String(pull)}/comments`, { body });
}

/** @throws ForgeError */
export async function changeComment(repository: Repository, id: number, body: string): Promise<void> {
  await send(repository, "PATCH", `/issues/comments/${String(id)}`, { body });
}

/**
 * The open pull request whose newest commit is this one; undefined when there is none any more.
 * @param head whose branch it is, as `owner:branch`
 * @throws ForgeError
 */
export async function pullOf(
  repository: Repository,
  head: string,
  commit: string,
): Promise<number | undefined> {
  const query = `state=open&head=${encodeURIComponent(head)}&per_page=100`;
  const pulls = await everyPage(repository, `/pulls?${query}`);
  const found = pulls.find((pull) => textAt(fieldOf(pull, "head"), "sha") === commit);
  return found === undefined ? undefined : numberAt(found, "number");
}

/** Forgejo gives some lists whole and has no next page then. */
async function everyPage(repository: Repository, path: string): Promise<unknown[]> {
  const items: unknown[] = [];
  let url: string | undefined = `${base(repository)}${path}`;
  for (let page = 0; url !== undefined; page++) {
    if (page === mostPages) throw new ForgeError(`${path} has more than ${String(mostPages)} pages`);
    const { body, next } = await request(repository, "GET", url);
    if (!Array.isArray(body)) throw new ForgeError(`${url} answered no list`);
    items.push(...(body as unknown[]));
    // A token goes nowhere else.
    if (next !== undefined && new URL(next).origin !== new URL(url).origin)
      throw new ForgeError(`${url} goes on at another server: ${next}`);
    url = next;
  }
  return items;
}

async function send(repository: Repository, method: string, path: string, body: object): Promise<void> {
  await request(repository, method, `${base(repository)}${path}`, body);
}

function base({ api, name }: Repository): string {
  return `${api.replace(/\/$/, "")}/repos/${name}`;
}

interface Answer {
  readonly body: unknown;
  /** Address of the next page. */
  readonly next: string | undefined;
}

async function request({ token }: Repository, method: string, url: string, body?: object): Promise<Answer> {
  for (let attempt = 0; ; attempt++) {
    const wait = pausesMs[attempt];
    try {
      const response = await fetch(url, {
        method,
        headers: {
          accept: "application/json",
          authorization: `token ${token}`,
          "user-agent": "veza-edge",
          ...(body && { "content-type": "application/json" }),
        },
        ...(body && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(limitMs),
        redirect: "error",
      });
      if (response.ok) return { body: await response.json(), next: nextPage(response.headers.get("link")) };
      const said = (await response.text()).slice(0, 500);
      if (wait === undefined || !mayBeAskedAgain(method, response.status))
        throw new ForgeError(`${method} ${url}: ${String(response.status)} ${said}${hint(response.status)}`);
    } catch (error) {
      if (error instanceof ForgeError) throw error;
      if (wait === undefined || method === "POST") throw new ForgeError(`${method} ${url}: ${reason(error)}`);
    }
    await pause(wait);
  }
}

/** Whether a server that failed has made the comment all the same is not known, and two would be worse than none. */
function mayBeAskedAgain(method: string, status: number): boolean {
  return status === 429 || (status >= 500 && method !== "POST");
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

function hint(status: number): string {
  return status === 401 || status === 403 || status === 404
    ? "\nThe token has to be allowed to read pull requests and to write comments on them in this repository"
    : "";
}

function nextPage(link: string | null): string | undefined {
  return /<([^>]*)>;[^,]*\brel="next"/.exec(link ?? "")?.[1];
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && name in value
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}

function textAt(value: unknown, name: string): string {
  const found = fieldOf(value, name);
  return typeof found === "string" ? found : "";
}

function numberAt(value: unknown, name: string): number {
  const found = fieldOf(value, name);
  if (typeof found !== "number")
    throw new ForgeError(`an answer has no number '${name}': ${JSON.stringify(value).slice(0, 200)}`);
  return found;
}
