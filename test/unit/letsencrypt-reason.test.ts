import { describe, expect, it } from "@jest/globals";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const libraries = new URL("../../templates/usr/local/lib/veza/certificates.d/", import.meta.url).pathname;

/** Has the program's own libraries do something, and gives back what that printed. */
function shell(line: string, ...words: readonly string[]): string {
  const sources = ["settings", "pem", "attempts", "reason", "dns"]
    .map((name) => `. ${libraries}${name}.sh`)
    .join("\n");
  const run = mkdtempSync(join(tmpdir(), "veza-reason-"));
  const script = `set -euo pipefail\n${sources}\nrun=${run} VOLUME=${run} DIRECTORY=https://ca.test/\nnames_of[veza.fr]=veza.fr\n${line}`;
  try {
    return execFileSync("bash", ["-c", script, "bash", ...words], { encoding: "utf8" }).trim();
  } finally {
    rmSync(run, { recursive: true });
  }
}

function refusal(body: string, headers = "", status = "429"): readonly string[] {
  const said = shell(
    'keep_refusal "$@"; kept reason; kept kind; echo; after=$(kept not-before); echo $((${after:-$EPOCHSECONDS} - EPOCHSECONDS))',
    status,
    body,
    headers,
  );
  return said.split("\n");
}

const limited = `{
  "type": "urn:ietf:params:acme:error:rateLimited",
  "detail": "too many certificates for \\"veza.fr\\"",
  "status": 429
}`;

describe("what a CA refuses", () => {
  it("is told in its own words", () => {
    expect(refusal(limited).slice(0, 2)).toEqual([
      'the CA refuses: too many certificates for "veza.fr" (rateLimited)',
      "rateLimited",
    ]);
  });

  it("is told by its status when there are no words, as from a proxy in front of it", () => {
    expect(refusal("<html>Bad gateway</html>", "", "502")).toEqual([
      "the CA refuses: HTTP status 502",
      "",
      "0",
    ]);
  });

  it.each([
    ["seconds", "HTTP/2 429\r\nretry-after: 120\r\n\r\n", 120],
    ["a date", `Retry-After: ${new Date(Date.now() + 300_000).toUTCString()}\r\n`, 300],
    ["nothing, for an hour", "HTTP/2 429\r\n", 3_600],
    ["nonsense, for an hour", "Retry-After: soon\r\n", 3_600],
    ["ten years, for a week", "Retry-After: 315360000\r\n", 604_800],
    ["a date in ten years, for a week", "Retry-After: Wed, 21 Oct 2037 07:28:00 GMT\r\n", 604_800],
  ])("is not asked again before the time it names: %s", (_, headers, seconds) => {
    const after = Number(refusal(limited, headers)[2]);
    expect(Math.abs(after - seconds)).toBeLessThanOrEqual(2);
  });

  it("is not asked again before the time in Let's Encrypt's text, when there is no header", () => {
    const time = new Date(Date.now() + 7_200_000).toISOString().slice(0, 19).replace("T", " ");
    const body = limited.replace("too many", `retry after ${time} UTC: too many`);
    expect(Math.abs(Number(refusal(body)[2]) - 7_200)).toBeLessThanOrEqual(2);
  });

  it("is asked again at once after a refusal that names no time", () => {
    const body = '{"type":"urn:ietf:params:acme:error:rejectedIdentifier","detail":"no"}';
    expect(refusal(body, "", "400")).toEqual([
      "the CA refuses: no (rejectedIdentifier)",
      "rejectedIdentifier",
      "0",
    ]);
  });
});

describe("a challenge that failed", () => {
  it("is told by the name that failed, with the CA's reason, on one line", () => {
    const result = [
      '["type"]\t"http-01"',
      '["error","type"]\t"urn:ietf:params:acme:error:unauthorized"',
      '["error","detail"]\t"Invalid response from \\"http://www.veza.fr/\\": 404"',
      '["validationRecord",0,"hostname"]\t"www.veza.fr"',
    ].join("\n");
    expect(shell('keep_invalid_challenge "$1"; keep_reason "said later"; kept reason', result)).toBe(
      'the CA could not see the challenge at www.veza.fr: Invalid response from "http://www.veza.fr/": 404 (unauthorized)',
    );
  });
});

describe("attempts that failed", () => {
  const failed = (times: number, rest = "") =>
    `for n in $(seq ${String(times)}); do begin_attempt veza.fr; done; attempt_failed veza.fr 'it was so' ${rest}; `;

  it("are followed by others until there were four within an hour", () => {
    expect(shell(`${failed(3)}pause veza.fr ''`)).toBe("");
    const said = shell(`${failed(4)}pause veza.fr ''`);
    expect(said).toMatch(
      /^4 attempts failed within an hour, so the CA is not asked again before \S+Z .*The last reason: it was so$/,
    );
    expect(shell(`${failed(4)}pause veza.fr yes`)).toBe("");
  });

  it("do not count an hour later", () => {
    const anHourAgo = `sed -i -E 's/^failures .*/failures 1 2 3 4 5/' "$(attempt_file veza.fr)"; `;
    expect(shell(`${failed(4)}${anHourAgo}pause veza.fr ''`)).toBe("");
  });

  it("do not count when they are in the future, as after a clock that was wrong", () => {
    const ahead =
      "sed -i -E 's/^failures .*/failures 9999999996 9999999997 9999999998 9999999999/; s/^not_before .*/not_before 9999999999/'";
    expect(shell(`${failed(4)}${ahead} "$(attempt_file veza.fr)"; pause veza.fr ''`)).toBe("");
    expect(
      shell(`${failed(4)}${ahead} "$(attempt_file veza.fr)"; begin_attempt veza.fr; pause veza.fr ''`),
    ).toBe("");
  });

  it.each([
    ["another CA", "DIRECTORY=https://other.test/"],
    ["a certificate of other names", "names_of[veza.fr]='veza.fr www.veza.fr'"],
  ])("do not keep %s from being asked", (_, change) => {
    const refused = failed(4, "$((EPOCHSECONDS + 60))");
    expect(shell(`${refused}${change}; pause veza.fr ''`)).toBe("");
    expect(shell(`${refused}${change}; begin_attempt veza.fr; pause veza.fr ''`)).toBe("");
  });

  it("are not followed by any before the CA's own time, forced or not", () => {
    for (const force of ["''", "yes"])
      expect(shell(`${failed(1, "$((EPOCHSECONDS + 60))")}pause veza.fr ${force}`)).toMatch(
        /^the CA asked not to be asked again before \S+Z \(noted in \S+\/attempts\/https___ca\.test_\/veza\.fr\)\. It said: it was so$/,
      );
  });

  it("count also when they were killed", () => {
    const said = shell("for n in 1 2 3 4; do begin_attempt veza.fr; done; pause veza.fr ''");
    expect(said).toMatch(/^4 attempts failed .* it was interrupted$/);
  });

  it("are forgotten by one that succeeded", () => {
    const said = shell(
      `${failed(4)}attempt_succeeded veza.fr; pause veza.fr ''; read_attempt veza.fr; echo "\${attempt[result]}"`,
    );
    expect(said).toBe("ok");
  });
});

describe("a DNS server that is slow", () => {
  it("is not asked for more names when its time is over, and that is said", () => {
    const slow = `mkdir $run/bin; printf '#!/bin/sh\\nsleep 1; echo "status: SERVFAIL,"\\n' >$run/bin/dig; chmod +x $run/bin/dig; PATH=$run/bin:$PATH; `;
    const settings = "PUBLIC_ADDRESSES=203.0.113.7 RESOLVER= lookup_seconds=-1; ";
    expect(shell(`${slow}${settings}dns_problem 'a.fr b.fr c.fr'`)).toMatch(
      /^a\.fr could not be looked up: the DNS server says SERVFAIL; .*[bc]\.fr and those after it were not looked up: the DNS server took 2 s for the others$/,
    );
  });
});
