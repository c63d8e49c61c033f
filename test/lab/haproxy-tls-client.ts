import { execa } from "execa";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type SecureVersion } from "node:tls";
import { edge } from "./haproxy-lab.ts";

/** A certificate that is its own CA; both parts are PEM. */
export interface Certificate {
  readonly chain: string;
  readonly key: string;
  /** In hexadecimal, as Node has it. */
  readonly serial: string;
}

export async function selfSigned(...names: readonly string[]): Promise<Certificate> {
  const directory = await mkdtemp(join(tmpdir(), "veza-certificate-"));
  const [keyFile, chainFile] = [join(directory, "key"), join(directory, "chain")];
  try {
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", keyFile];
    const subject = ["-subj", `/CN=${names[0] ?? ""}`, "-addext"];
    const alternatives = `subjectAltName=${names.map((name) => `DNS:${name}`).join(",")}`;
    await execa("openssl", [
      "req",
      "-x509",
      "-days",
      "2",
      ...key,
      ...subject,
      alternatives,
      "-out",
      chainFile,
    ]);
    const { stdout } = await execa("openssl", ["x509", "-in", chainFile, "-noout", "-serial"]);
    const read = (path: string): Promise<string> => readFile(path, "utf8");
    return {
      chain: await read(chainFile),
      key: await read(keyFile),
      serial: stdout.trim().replace("serial=", ""),
    };
  } finally {
    await rm(directory, { recursive: true });
  }
}

export interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/**
 * Asks the load balancer on a connection of its own, whoever it is in DNS and whatever its certificate.
 * @param host `Host` as it is sent; its name is also asked for by SNI
 */
export async function ask(
  scheme: "http" | "https",
  host: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const options = {
    host: edge,
    path,
    headers: { ...headers, host },
    // Or Node would make up for an empty one.
    setHost: false,
    agent: false,
    timeout: 10_000,
    ...(scheme === "https" && { servername: host.replace(/:.*/, ""), rejectUnauthorized: false }),
  };
  const request = scheme === "https" ? httpsRequest(options) : httpRequest(options);
  request
    .once("response", (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (part: string) => (body += part));
      response.once("end", () => resolve(answer(response, body))).once("error", reject);
    })
    .once("upgrade", (response, socket) => {
      socket.destroy();
      resolve(answer(response, ""));
    })
    .once("timeout", () => request.destroy(new Error(`${scheme}://${host}${path}: no answer within 10 s`)))
    .once("error", reject)
    .end();
  return promise;
}

function answer({ statusCode: status, headers }: IncomingMessage, body: string): Answer {
  return { status, headers, body };
}

export interface TlsSession {
  readonly protocol: string | null;
  /** Of the certificate that was shown. */
  readonly serial: string;
}

/** One handshake. @throws Error when the server refuses it */
export async function tlsSession(
  name: string,
  version: SecureVersion = "TLSv1.3",
  ciphers?: string,
): Promise<TlsSession> {
  const { promise, resolve, reject } = Promise.withResolvers<TlsSession>();
  // The client itself allows old versions, so that a refusal is the server's.
  const socket = connect({
    host: edge,
    port: 443,
    servername: name,
    rejectUnauthorized: false,
    minVersion: version,
    maxVersion: version,
    ciphers: ciphers ?? "DEFAULT@SECLEVEL=0",
  });
  socket
    .once("secureConnect", () => {
      resolve({ protocol: socket.getProtocol(), serial: socket.getPeerCertificate().serialNumber });
    })
    .once("error", reject);
  return promise.finally(() => socket.destroy());
}
