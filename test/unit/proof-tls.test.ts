import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer as createPlainServer, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { isOfAnotherCa, tlsClaims, type NameAnswers } from "../../src/ops/proof/tls-claims.ts";
import { askNames } from "../../src/ops/proof/tls-proof.ts";

const placeholder = "placeholder of this test";
const certificates = [["veza.test", "www.veza.test"], ["talas.test"]];
const names = certificates.flat();

/** Certificates made by OpenSSL: chains below two roots, and a self-signed one. */
class Issued {
  readonly #directory: string;
  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async open(): Promise<Issued> {
    const issued = new Issued(await mkdtemp(join(tmpdir(), "veza-tls-")));
    for (const ca of ["ca", "other-ca"])
      await issued.#openssl(`req -x509 ${key(ca)} -subj /CN=${ca} -out ${ca}.pem`);
    for (const ca of ["ca", "other-ca"]) {
      for (const one of [["veza.test", "www.veza.test"], ["talas.test"], ["else.test"]]) {
        const [name = ""] = one;
        const file = `${ca}-${name}`;
        await issued.#write(`${file}.ext`, `subjectAltName=${one.map((san) => `DNS:${san}`).join(",")}\n`);
        await issued.#openssl(`req ${key(file)} -subj /CN=${name} -out ${file}.csr`);
        await issued.#openssl(
          `x509 -req -in ${file}.csr -CA ${ca}.pem -CAkey ${ca}.key -CAcreateserial -extfile ${file}.ext -out ${file}.pem`,
        );
      }
    }
    const self = "self-talas.test";
    await issued.#openssl(
      `req -x509 ${key(self)} -subj /O=PLACEHOLDER/CN=talas.test -addext subjectAltName=DNS:talas.test -out ${self}.pem`,
    );
    return issued;
  }

  async pem(file: string): Promise<string> {
    return readFile(join(this.#directory, `${file}.pem`), "utf8");
  }
  async keyOf(file: string): Promise<string> {
    return readFile(join(this.#directory, `${file}.key`), "utf8");
  }
  async close(): Promise<void> {
    await rm(this.#directory, { recursive: true });
  }

  async #write(file: string, text: string): Promise<void> {
    await writeFile(join(this.#directory, file), text);
  }
  async #openssl(words: string): Promise<void> {
    const said = words.split(" ").map((word) => word.replace("PLACEHOLDER", placeholder));
    await execa("openssl", said, { cwd: this.#directory });
  }
}

function key(file: string): string {
  return `-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ${file}.key`;
}

/** What a small edge of this test's own does; each way to be wrong can be tried. */
interface Behaviour {
  /** File of the certificate for a name. */
  readonly certificateFor: (name: string) => string;
  readonly hsts: string | undefined;
  readonly redirect: (host: string) => { readonly status: number; readonly location: string };
  readonly challengeStatus: number;
}

let issued: Issued;
const servers: Server[] = [];
let httpsPort = 0;

beforeAll(async () => {
  issued = await Issued.open();
}, 60_000);
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});
afterAll(() => issued.close());

const good: Behaviour = {
  certificateFor: (name) => `ca-${name.replace("www.", "")}`,
  hsts: "max-age=63072000",
  redirect: (host) => ({ status: 301, location: `https://${host}:${String(httpsPort)}/page` }),
  challengeStatus: 404,
};

async function ask(behaviour: Partial<Behaviour> = {}): Promise<readonly NameAnswers[]> {
  const { certificateFor, hsts, redirect, challengeStatus } = { ...good, ...behaviour };
  const contexts = new Map(
    await Promise.all(
      names.map(async (name) => {
        const file = certificateFor(name);
        const context = createSecureContext({ cert: await issued.pem(file), key: await issued.keyOf(file) });
        return [name, context] as const;
      }),
    ),
  );
  const https = createTlsServer(
    { SNICallback: (name, use) => use(null, contexts.get(name)) },
    (_, response) => {
      if (hsts !== undefined) response.setHeader("Strict-Transport-Security", hsts);
      response.end("page");
    },
  );
  const http = createPlainServer((request, response) => {
    if (request.url?.startsWith("/.well-known/acme-challenge/") === true)
      return void response.writeHead(challengeStatus).end();
    const [host = ""] = (request.headers.host ?? "").split(":");
    const { status, location } = redirect(host);
    response.writeHead(status, { location }).end();
  });
  httpsPort = await listen(https);
  const listener = { address: "127.0.0.1", https: httpsPort, http: await listen(http) };
  return askNames(listener, names, { root: await issued.pem("ca"), path: "/page", requestMs: 2_000 });
}

async function listen(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

async function broken(behaviour: Partial<Behaviour>): Promise<readonly string[]> {
  const claims = tlsClaims(await ask(behaviour), { certificates, httpsPort });
  return claims.filter(({ holds }) => !holds).map(({ says, seen }) => `${says}: ${seen}`);
}

describe("the proof over TLS", () => {
  it("holds for an edge that serves every name with its own certificate", async () => {
    expect(await broken({})).toEqual([]);
    const seen = tlsClaims(await ask(), { certificates, httpsPort }).map((claim) => claim.seen);
    expect(seen).toEqual([
      "3 names verified",
      "2 certificates selected by name",
      "3 × 200 with HSTS",
      "3 × 301",
      "3 challenges reach their sidecar",
    ]);
  });

  it("sees a certificate that another CA has issued, and knows it from a placeholder", async () => {
    const foreign = (name: string): string =>
      `${name === "talas.test" ? "other-ca" : "ca"}-${name.replace("www.", "")}`;
    const answers = await ask({ certificateFor: foreign });
    expect(answers.map((answer) => isOfAnotherCa(answer, placeholder))).toEqual([false, false, true]);
    expect(await broken({ certificateFor: foreign })).toEqual([
      expect.stringMatching(/verifies.*: talas\.test: [A-Z_]+$/),
    ]);

    const own = (name: string): string =>
      name === "talas.test" ? "self-talas.test" : good.certificateFor(name);
    expect((await ask({ certificateFor: own })).map((answer) => isOfAnotherCa(answer, placeholder))).toEqual([
      false,
      false,
      false,
    ]);
    expect(await broken({ certificateFor: own })).toEqual([
      expect.stringContaining("talas.test: DEPTH_ZERO_SELF_SIGNED_CERT"),
    ]);
  });

  it("sees a name that gets another one's certificate", async () => {
    expect(await broken({ certificateFor: () => "ca-veza.test" })).toEqual([
      expect.stringContaining("talas.test: ERR_TLS_CERT_ALTNAME_INVALID"),
      expect.stringContaining("talas.test gets one for veza.test www.veza.test"),
    ]);
  });

  it("sees a page without HSTS", async () => {
    expect(await broken({ hsts: undefined })).toEqual([
      expect.stringContaining("Strict-Transport-Security: (none)"),
    ]);
    expect(await broken({ hsts: "max-age=0" })).toHaveLength(1);
  });

  it.each([
    ["is temporary", (host: string) => ({ status: 302, location: `https://${host}:${String(httpsPort)}/` })],
    ["leads to another port", (host: string) => ({ status: 301, location: `https://${host}/` })],
    ["is none", () => ({ status: 200, location: "" })],
  ])("sees a redirect that %s", async (_, redirect) => {
    expect(await broken({ redirect })).toEqual([expect.stringMatching(/^plain HTTP sends every name/)]);
  });

  it.each([301, 503])("sees that a challenge is answered with %d", async (challengeStatus) => {
    expect(await broken({ challengeStatus })).toEqual([expect.stringMatching(/^the CA's questions/)]);
  });

  it("reports a listener that does not answer, and does not throw", async () => {
    const root = await issued.pem("ca");
    const answers = await askNames({ address: "127.0.0.1", https: 1, http: 1 }, names, { root, path: "/" });
    expect(tlsClaims(answers, { certificates, httpsPort: 1 }).map(({ holds }) => holds)).toEqual([
      ...[false, false, false, false, false],
    ]);
  });
});
