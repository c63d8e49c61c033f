import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { connect as connectTls, type SecureVersion } from "node:tls";
import { certificateDirectory } from "../../src/haproxy/model.ts";
import { edge, HaproxyLab } from "./haproxy-lab.ts";

describe("with TLS", () => {
  let lab: HaproxyLab;
  let mine: Certificate;
  let other: Certificate;
  beforeAll(async () => {
    lab = await HaproxyLab.open();
    [mine, other] = [await selfSigned(lab), await selfSigned(lab)];
    expect(await lab.certify(mine.chain + mine.key)).toEqual({ exitCode: 0, said: "" });
    await lab.deploy({ tls: { certificate: "edge.pem" } }, {}, "0123456789abcdef");
  }, 300_000);

  afterAll(() => lab.close(), 60_000);

  it("HTTP only redirects, for good", async () => {
    const url = `http://${edge}/api/v1/whoami?a=b`;
    const { status, headers } = await fetch(url, { redirect: "manual" });
    expect([status, headers.get("location")]).toEqual([301, `https://${edge}/api/v1/whoami?a=b`]);
  });

  it("HTTPS answers, and tells browsers to stay", async () => {
    const said = await curl(["-i", "--resolve", `edge.test:443:${edge}`, "https://edge.test/api/v1/whoami"]);
    expect(said).toMatch(/^HTTP\/2 200/);
    expect(said).toMatch(/strict-transport-security: max-age=63072000/);
    expect(said).toMatch(/set-cookie: VEZA_SERVERID=.*; Secure/);
    expect(said).toMatch(/"x-forwarded-proto": "https"/);
  });

  it("speaks the protocols and ciphers of Mozilla's intermediate list only", async () => {
    expect(await handshake("TLSv1.3")).toBe("TLSv1.3");
    expect(await handshake("TLSv1.2")).toBe("TLSv1.2");
    await expect(handshake("TLSv1.1")).rejects.toThrow();
    await expect(handshake("TLSv1.2", "ECDHE-ECDSA-AES128-SHA")).rejects.toThrow();
    expect(await handshake("TLSv1.2", "ECDHE-ECDSA-CHACHA20-POLY1305")).toBe("TLSv1.2");
  });

  it.each([
    [
      "with the key of another one",
      () => mine.chain + other.key,
      /inconsistencies between private key and cert/,
    ],
    ["without its key", () => mine.chain, /[Nn]o .*[Kk]ey/],
    ["that is cut off", () => `${other.chain}${other.key.slice(0, 90)}\n`, /ALERT/],
  ])("does not take a certificate %s, and keeps the one it has", async (_, pem, reason) => {
    const file = `${certificateDirectory}/edge.pem`;
    const before = await lab.shell("haproxy", `cat ${file}`);
    const outcome = await lab.certify(pem());
    expect(outcome.exitCode).not.toBe(0);
    expect(outcome.said).toMatch(/^haproxy does not accept this certificate:/m);
    expect(outcome.said).toMatch(reason);
    expect(outcome.said).toContain(file);
    expect(outcome.said).not.toContain("/var/lib/veza");
    expect(await lab.shell("haproxy", `cat ${file}`)).toBe(before);
    expect(await handshake("TLSv1.3")).toBe("TLSv1.3");
  });

  it("reads its certificate where only root can", async () => {
    const modes = await lab.shell("haproxy", `stat -c '%a %U:%G' ${certificateDirectory}{,/edge.pem}`);
    expect(modes).toBe("700 root:root\n600 root:root\n");
    await lab.shell("haproxy", "systemctl restart haproxy");
    expect(await handshake("TLSv1.3")).toBe("TLSv1.3");
  });
});

interface Certificate {
  readonly chain: string;
  readonly key: string;
}

async function selfSigned(lab: HaproxyLab): Promise<Certificate> {
  const words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=edge.test";
  const both = await lab.shell(
    "haproxy",
    `cd /root && openssl ${words} -addext subjectAltName=DNS:edge.test -keyout key -out chain 2>/dev/null && cat chain key`,
  );
  const end = both.indexOf("-----BEGIN PRIVATE KEY");
  return { chain: both.slice(0, end), key: both.slice(end) };
}

async function handshake(version: SecureVersion, ciphers?: string): Promise<string | null> {
  const { promise, resolve, reject } = Promise.withResolvers<string | null>();
  // The client itself allows old versions, so that a refusal is the server's.
  const socket = connectTls({
    host: edge,
    port: 443,
    servername: "edge.test",
    rejectUnauthorized: false,
    minVersion: version,
    maxVersion: version,
    ciphers: ciphers ?? "DEFAULT@SECLEVEL=0",
  });
  socket.once("secureConnect", () => resolve(socket.getProtocol())).once("error", reject);
  return promise.finally(() => socket.destroy());
}

async function curl(words: readonly string[]): Promise<string> {
  const { stdout } = await execa("curl", ["-sk", "--max-time", "10", ...words]);
  return stdout;
}
