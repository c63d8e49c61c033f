import { describe, expect, it } from "@jest/globals";
import { certificateWith } from "../../src/ops/certificates/certificates.ts";
import { problemsWith } from "../../src/ops/certificates/judge.ts";
import { certificateTable, reported } from "../../src/ops/certificates/report.ts";
import { readStatus, type CertificateStatus } from "../../src/ops/certificates/status.ts";

const now = new Date("2026-11-21T12:00:00Z");
const seconds = (iso: string): string => String(Date.parse(iso) / 1000);

const line = [
  ...["veza.test", "veza.test www.veza.test", "issued", "Pebble Intermediate CA 1a2b3c"],
  ...[seconds("2026-11-01T00:00:00Z"), seconds("2027-01-30T00:00:00Z"), "3F2A9C"],
  ...[seconds("2026-11-01T00:00:01Z"), "ok", "", "no", seconds("2026-11-21T06:00:00Z")],
];
const changed = (index: number, value: string): string => line.with(index, value).join("\t");

const issued: CertificateStatus = {
  name: "veza.test",
  names: ["veza.test", "www.veza.test"],
  state: "issued",
  issuer: "Pebble Intermediate CA 1a2b3c",
  notBefore: new Date("2026-11-01T00:00:00Z"),
  notAfter: new Date("2027-01-30T00:00:00Z"),
  serial: "3F2A9C",
  lastAttempt: new Date("2026-11-01T00:00:01Z"),
  lastResult: "ok",
  error: "",
  due: false,
  lastLook: new Date("2026-11-21T06:00:00Z"),
};

describe("the status of certificates", () => {
  it("is read line by line", () => {
    const missing = "talas.test\ttalas.test\tmissing\t\t0\t0\t\t0\tnone\t\tyes\t0";
    expect(readStatus(`${line.join("\t")}\n${missing}\n`)).toEqual([
      issued,
      {
        ...{ name: "talas.test", names: ["talas.test"], state: "missing", issuer: "", serial: "" },
        ...{ notBefore: null, notAfter: null, lastAttempt: null, lastResult: "none", error: "", due: true },
        lastLook: null,
      },
    ]);
  });

  it.each([
    ["a state that there is not", changed(2, "isued"), /field state: /],
    ["a time that is none", changed(5, "tomorrow"), /field notAfter: is no time in seconds/],
    ["too few fields", line.slice(0, 11).join("\t"), /Too small/],
    ["what is no line of it at all", "flock: failed", /not understood/],
  ])("is refused with %s, and the line is shown", (_, wrong, reason) => {
    const reading = (): unknown => readStatus(`${line.join("\t")}\n${wrong}\n`);
    expect(reading).toThrow(reason);
    expect(reading).toThrow(JSON.stringify(wrong));
  });
});

describe("what is wrong with a certificate", () => {
  it("is nothing when it is issued and has time", () => {
    expect(problemsWith(issued, now)).toEqual([]);
  });

  it("is nothing as long as a tenth of its lifetime is left, and is said from then on", () => {
    // 90 days: the last nine begin on 21 January.
    const at = (time: string) => problemsWith({ ...issued, lastLook: new Date(time) }, new Date(time));
    expect(at("2027-01-20T23:59:00Z")).toEqual([]);
    expect(at("2027-01-21T00:01:00Z")).toEqual([expect.stringContaining("ends in 8 days")]);
    expect(at("2027-01-30T00:00:00Z")).toEqual(["ended on 2027-01-30 00:00 UTC: clients refuse it"]);
  });

  it("is that nobody looks at it any more, after a tenth of its lifetime", () => {
    expect(problemsWith(issued, new Date("2026-11-30T05:59:00Z"))).toEqual([]);
    expect(problemsWith(issued, new Date("2026-11-30T06:01:00Z"))).toEqual([
      "was last looked at on 2026-11-21 06:00 UTC: its renewal timer does not run",
    ]);
    expect(problemsWith({ ...issued, lastLook: null }, new Date("2026-11-30T06:01:00Z"))).toEqual([]);
  });

  it("is the CA's reason, when the last attempt failed", () => {
    const error = "urn:ietf:params:acme:error:dns: NXDOMAIN looking up A for talas.test";
    const failed: CertificateStatus = { ...issued, state: "placeholder", lastResult: "failed", error };
    expect(problemsWith(failed, now)).toEqual([
      expect.stringMatching(/^has a placeholder only/),
      `its last attempt failed (2026-11-01 00:00 UTC): ${error}`,
    ]);
  });

  it("does not include a placeholder's own end", () => {
    const old: CertificateStatus = { ...issued, state: "placeholder", notAfter: now };
    expect(problemsWith(old, now)).toEqual([expect.stringMatching(/^has a placeholder only/)]);
    expect(reported("haproxy", old, now).daysLeft).toBeNull();
  });

  it("is told below the table, by name, and only for certificates that have something wrong", () => {
    const good = reported("haproxy", issued, now);
    const bad = reported("haproxy", { ...issued, name: "talas.test", state: "missing", notAfter: null }, now);
    expect(certificateTable([good], "lab")).toContain("Every certificate is issued");
    const table = certificateTable([good, bad], "lab");
    expect(table).toContain("69 days");
    expect(table).toMatch(/✗.* talas\.test has no certificate at all/);
    expect(table).not.toMatch(/✗.* veza\.test/);
  });
});

describe("a certificate to renew", () => {
  const certificates = [
    { name: "veza.test", names: ["veza.test", "www.veza.test"], loadBalancer: "haproxy" },
    { name: "talas.test", names: ["talas.test"], loadBalancer: "haproxy" },
  ];

  it("is found by any of its names", () => {
    expect(certificateWith(certificates, "www.veza.test").name).toBe("veza.test");
    expect(certificateWith(certificates, "TALAS.test").name).toBe("talas.test");
  });

  it("that there is not is answered with those that there are", () => {
    expect(() => certificateWith(certificates, "veza.tset")).toThrow(
      "no certificate of this stack has the name veza.tset; there are:\n  veza.test www.veza.test\n  talas.test",
    );
  });
});
