import { execa } from "execa";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getCurves } from "node:crypto";
import { connect, getCiphers, type SecureVersion } from "node:tls";
import { edge } from "./haproxy-lab.ts";

/** A certificate that is its own CA; both parts are PEM. */
export interface Certificate {
  readonly chain: string;
  readonly key: string;
  /** In hexadecimal, as Node has it. */
  readonly serial: string;
}

const keyWords = {
  ecdsa: ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
  rsa: ["-newkey", "rsa:2048"],
};

export async function selfSigned(...names: readonly string[]): Promise<Certificate> {
  return certificate("ecdsa", names);
}

/** A certificate that is its own CA, with a key of that type. */
export async function certificate(
  keyType: keyof typeof keyWords,
  names: readonly string[],
): Promise<Certificate> {
  const directory = await mkdtemp(join(tmpdir(), "veza-certificate-"));
  const [keyFile, chainFile] = [join(directory, "key"), join(directory, "chain")];
  try {
    const key = [...keyWords[keyType], "-nodes", "-keyout", keyFile];
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
  /** OpenSSL's name of the cipher. */
  readonly cipher: string;
  /** Of the certificate that was shown. */
  readonly serial: string;
}

/** What a server takes, found out by one handshake for each thing that this client could offer. */
export interface TlsOffer {
  readonly protocols: readonly string[];
  /** OpenSSL's names, of all protocols. */
  readonly ciphers: readonly string[];
  /** Groups for the key exchange. */
  readonly groups: readonly string[];
}

export async function tlsOffer(name: string): Promise<TlsOffer> {
  const accepted = async <T>(all: readonly T[], session: (one: T) => Promise<TlsSession>): Promise<T[]> => {
    const found: T[] = [];
    for (const one of all)
      if (
        await session(one).then(
          () => true,
          () => false,
        )
      )
        found.push(one);
    return found;
  };
  const versions = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"] as const;
  const known = [...new Set([...getCiphers().map((one) => one.toUpperCase()), ...extraCiphers])];
  const groups = ["X25519", "X448", "X25519MLKEM768", "SecP256r1MLKEM768", "ffdhe2048", ...getCurves()];
  return {
    protocols: await accepted(versions, (version) => tlsSession(name, version)),
    ciphers: await accepted(known, async (cipher) => {
      return cipher.startsWith("TLS_")
        ? tlsSession(name, "TLSv1.3", { ciphers: cipher })
        : tlsSession(name, "TLSv1.2", { ciphers: `${cipher}:@SECLEVEL=0` });
    }),
    groups: await accepted(groups, (group) => tlsSession(name, "TLSv1.3", { group })),
  };
}

/** Those that Node's own list leaves out and its OpenSSL has. */
const extraCiphers = [
  "TLS_AES_128_CCM_SHA256",
  "TLS_AES_128_CCM_8_SHA256",
  "ECDHE-ECDSA-AES128-CCM",
  "AES128-GCM-SHA256",
];

/** One handshake. @throws Error when the server refuses it */
export async function tlsSession(
  name: string,
  version: SecureVersion = "TLSv1.3",
  { ciphers = "DEFAULT@SECLEVEL=0", group }: { readonly ciphers?: string; readonly group?: string } = {},
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
    ciphers,
    ...(group === undefined ? {} : { ecdhCurve: group }),
  });
  socket
    .once("secureConnect", () => {
      resolve({
        protocol: socket.getProtocol(),
        cipher: socket.getCipher().name,
        serial: socket.getPeerCertificate().serialNumber,
      });
    })
    .once("error", reject);
  return promise.finally(() => socket.destroy());
}
