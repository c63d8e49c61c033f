import { request as plainRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as tlsRequest } from "node:https";
import { TLSSocket, type PeerCertificate } from "node:tls";
import { challengePrefix } from "../../config/certificates.ts";
import type { NameAnswers, PlainAnswers } from "./tls-claims.ts";

/** Where names are answered. */
export interface TlsListener {
  readonly address: string;
  readonly https: number;
  /** Where it answers plain HTTP, too. */
  readonly http?: number | undefined;
}

export interface TlsQuestions {
  /** The CA's root, PEM. Nothing else is believed. */
  readonly root: string;
  /** Path that answers 200. */
  readonly path: string;
  /** Milliseconds until one request has to be answered. @default 5000 */
  readonly requestMs?: number;
}

interface Met {
  readonly status: number;
  readonly header: (name: string) => string | undefined;
  readonly certificate: PeerCertificate | undefined;
  readonly distrust: string | undefined;
}

/**
 * Meets each name at a listener the way its clients do, with SNI and Host, one after the other. Changes nothing.
 * What gets no answer has status 0; nothing throws.
 */
export async function askNames(
  listener: TlsListener,
  names: readonly string[],
  questions: TlsQuestions,
): Promise<readonly NameAnswers[]> {
  const answers: NameAnswers[] = [];
  for (const name of names) {
    const plain = await askPlain(listener, name, questions);
    answers.push({ ...(await askTls(listener, name, questions)), plain });
  }
  return answers;
}

async function askTls(
  { address, https }: TlsListener,
  name: string,
  { root, path, requestMs }: TlsQuestions,
): Promise<Omit<NameAnswers, "plain">> {
  // Let in first and judged afterwards, so that a wrong certificate can be shown.
  const trust = { servername: name, ca: root, rejectUnauthorized: false };
  const at = { host: address, port: https, path, headers: { host: `${name}:${https}` } };
  const met = await meet((ready) => tlsRequest({ ...common(requestMs), ...at, ...trust }, ready));
  if (typeof met === "string") {
    return { name, distrust: met, certified: [], organization: undefined, status: 0, hsts: undefined };
  }
  const { certificate, distrust } = met;
  return {
    name,
    distrust,
    certified: (certificate?.subjectaltname ?? "")
      .split(", ")
      .map((san) => san.replace(/^DNS:/, ""))
      .sort(),
    organization: [certificate?.subject.O].flat()[0],
    status: met.status,
    hsts: met.header("strict-transport-security"),
  };
}

async function askPlain(
  { address, http }: TlsListener,
  name: string,
  { path, requestMs }: TlsQuestions,
): Promise<PlainAnswers | undefined> {
  if (http === undefined) return undefined;
  const get = (what: string): Promise<Met | string> => {
    const at = { host: address, port: http, path: what, headers: { host: `${name}:${http}` } };
    return meet((ready) => plainRequest({ ...common(requestMs), ...at }, ready));
  };
  const page = await get(path);
  const challenge = await get(`${challengePrefix}proof`);
  return {
    status: typeof page === "string" ? 0 : page.status,
    location: typeof page === "string" ? undefined : page.header("location"),
    challengeStatus: typeof challenge === "string" ? 0 : challenge.status,
  };
}

/** A connection of its own for each request: a session that is resumed shows no certificate. */
function common(requestMs = 5_000): RequestOptions {
  return { agent: false, signal: AbortSignal.timeout(requestMs) };
}

/** Resolves with the answer once it is read to its end, or with the reason why there is none. */
function meet(
  send: (ready: (response: IncomingMessage) => void) => ReturnType<typeof plainRequest>,
): Promise<Met | string> {
  return new Promise((resolve) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      resolve(error.code ?? error.message);
    };
    const request = send((response) => {
      const { socket } = response;
      const met: Met = {
        status: response.statusCode ?? 0,
        header: (name) => response.headersDistinct[name]?.[0],
        // Asked now: a connection that has ended knows its certificate no more.
        ...(socket instanceof TLSSocket
          ? {
              certificate: socket.getPeerCertificate(),
              // Typed as an error; it is OpenSSL's word.
              distrust: socket.authorized ? undefined : String(socket.authorizationError),
            }
          : { certificate: undefined, distrust: undefined }),
      };
      response.on("error", failed).on("end", () => {
        resolve(met);
      });
      response.resume();
    });
    request.on("error", failed).end();
  });
}
