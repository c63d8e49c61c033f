import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { SecureVersion } from "node:tls";
import { certificateDirectory } from "../../src/config/certificates.ts";
import { letsencryptSchema } from "../../src/config/letsencrypt.ts";
import { letsencryptUnit, placeholderUnit } from "../../src/letsencrypt/unit.ts";
import { HaproxyLab } from "./haproxy-lab.ts";
import {
  ask,
  certificate,
  selfSigned,
  tlsOffer,
  tlsSession,
  type Certificate,
} from "./haproxy-tls-client.ts";

describe("with a certificate that the stack brings", () => {
  let lab: HaproxyLab;
  let mine: Certificate;
  let other: Certificate;
  beforeAll(async () => {
    lab = await HaproxyLab.open();
    [mine, other] = [await selfSigned("edge.test"), await selfSigned("edge.test")];
    expect(await lab.certify(mine.chain + mine.key)).toEqual({ exitCode: 0, said: "" });
    const fingerprint = "0123456789abcdef";
    await lab.deploy({ tls: { certificate: "edge.pem" } }, {}, { kind: "brought", fingerprint });
  }, 300_000);

  afterAll(() => lab.close(), 60_000);

  it("HTTP only redirects, for good", async () => {
    const { status, headers } = await ask("http", "edge.test", "/api/v1/whoami?a=b");
    expect([status, headers.location]).toEqual([301, "https://edge.test/api/v1/whoami?a=b"]);
  });

  it("HTTP refuses who names no host, because there is nowhere to send them to", async () => {
    for (const host of ["", ":80"]) {
      const { status, headers } = await ask("http", host, "/");
      expect([status, headers.location]).toEqual([400, undefined]);
    }
  });

  it("HTTPS answers, and tells browsers to stay", async () => {
    const { status, headers, body } = await ask("https", "edge.test", "/api/v1/whoami");
    expect([status, headers["strict-transport-security"]]).toEqual([200, "max-age=63072000"]);
    expect(headers["set-cookie"]).toEqual([expect.stringMatching(/^VEZA_SERVERID=.*; Secure$/)]);
    expect(body).toContain('"x-forwarded-proto": "https"');
  });

  it("offers what Mozilla's intermediate settings have, and nothing else", async () => {
    const { protocols, ciphers, groups } = await tlsOffer("edge.test");
    expect(protocols).toEqual(["TLSv1.2", "TLSv1.3"]);
    expect([...ciphers].sort()).toEqual([...tls13, ...exchanges("ECDHE-ECDSA")].sort());
    expect([...groups].sort()).toEqual(["X25519", "prime256v1", "secp384r1"]);
  }, 60_000);

  it("offers their other half with an RSA key", async () => {
    const rsa = await certificate("rsa", ["edge.test"]);
    await lab.certify(rsa.chain + rsa.key);
    const certificates = { kind: "brought", fingerprint: "rsa" } as const;
    await lab.deploy({ tls: { certificate: "edge.pem" } }, {}, certificates);
    const { ciphers } = await tlsOffer("edge.test");
    expect([...ciphers].sort()).toEqual(
      [...tls13, ...exchanges("ECDHE-RSA"), ...exchanges("DHE-RSA")].sort(),
    );
    await lab.certify(mine.chain + mine.key);
  }, 60_000);

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
    expect(await protocol("TLSv1.3")).toBe("TLSv1.3");
  });

  it("reads its certificate where only root can", async () => {
    const modes = await lab.shell("haproxy", `stat -c '%a %U:%G' ${certificateDirectory}{,/edge.pem}`);
    expect(modes).toBe("700 root:root\n600 root:root\n");
    await lab.shell("haproxy", "systemctl restart haproxy");
    expect(await protocol("TLSv1.3")).toBe("TLSv1.3");
  });

  describe("and another source of certificates", () => {
    const brought = `${certificateDirectory}/edge.pem`;
    const issued = `${certificateDirectory}/edge.test.pem`;
    const served = async (): Promise<string> => (await tlsSession("edge.test")).serial;
    const known = async (): Promise<string> => lab.tell("show ssl cert\n");

    it("it stays as long as it is the only one", async () => {
      await lab.certify(mine.chain + mine.key);
      const { exitCode, said } = await lab.uncertify(mine.chain + mine.key);
      expect([exitCode === 0, said]).toEqual([
        false,
        expect.stringContaining(`does not do without ${brought}`),
      ]);
      expect(said).toContain("State now: the certificate is in service");
      expect(await served()).toBe(mine.serial);
      await lab.shell("haproxy", "systemctl restart haproxy");
      expect(await served()).toBe(mine.serial);
    });

    it("it is served until it is taken away, and then no longer, not even from memory", async () => {
      await lab.unit(issuer);
      await lab.unit(placeholderUnit([{ name: "edge.test", pem: other.chain + other.key }]));
      await lab.deploy({}, {}, issuing);
      expect(await served()).toBe(mine.serial);
      expect(await lab.uncertify(mine.chain + mine.key)).toEqual({ exitCode: 0, said: "" });
      expect(await served()).toBe(other.serial);
      expect(await known()).not.toContain(brought);
      expect(await lab.shell("haproxy", `ls -A ${certificateDirectory}`)).toBe("edge.test.pem\n");
    });

    it("it takes the place of issued ones when it comes back", async () => {
      await lab.certify(mine.chain + mine.key);
      const certificates = { kind: "brought", fingerprint: "0123456789abcdef" } as const;
      await lab.deploy({ tls: { certificate: "edge.pem" } }, {}, certificates);
      await lab.unit(issuer, "delete");
      expect(await served()).toBe(mine.serial);
      expect(await known()).not.toContain(issued);
    });

    it("it goes when nobody wants HTTPS any more", async () => {
      await lab.deploy();
      expect(await lab.uncertify(mine.chain + mine.key)).toEqual({ exitCode: 0, said: "" });
      expect(await lab.shell("haproxy", `ls -A ${certificateDirectory}`)).toBe("");
    });
  });
});

const issuer = letsencryptUnit(
  letsencryptSchema.parse({
    contact: "ops@edge.test",
    publicAddresses: ["192.0.2.10"],
    certificates: [{ names: ["edge.test"] }],
  }),
  { directory: "https://ca.test/directory", resolver: undefined },
);
const issuing = {
  kind: "issued",
  primaryNames: ["edge.test"],
  challenge: { address: "127.0.0.1", port: 8888 },
  metricsPort: 8889,
} as const;

async function protocol(version: SecureVersion): Promise<string | null> {
  return (await tlsSession("edge.test", version)).protocol;
}

const tls13 = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

/** The ciphers of TLS 1.2 with one way to exchange keys. */
function exchanges(exchange: string): readonly string[] {
  return ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"].map((one) => `${exchange}-${one}`);
}
