import Table from "cli-table3";
import pc from "picocolors";
import { daysLeft, leftInWords, problemsWith, timeInWords } from "./judge.ts";
import type { CertificateStatus } from "./status.ts";

/** A certificate, whose container keeps it, and what is to be said about it. */
export interface Reported extends CertificateStatus {
  readonly loadBalancer: string;
  /** Null where none is issued. */
  readonly daysLeft: number | null;
  /** Empty: all is well. */
  readonly problems: readonly string[];
}

export function reported(loadBalancer: string, certificate: CertificateStatus, now: Date): Reported {
  return {
    ...certificate,
    loadBalancer,
    daysLeft: daysLeft(certificate, now),
    problems: problemsWith(certificate, now),
  };
}

/** For a terminal: the certificates, then what is wrong, in words. */
export function certificateTable(certificates: readonly Reported[], stack: string): string {
  const table = new Table({
    head: ["names", "state", "issuer", "left", "last attempt", "next look"],
    style: { head: [], border: [] },
  });
  for (const one of certificates) {
    const { lastAttempt } = one;
    table.push([
      one.names.join("\n"),
      one.state === "issued" ? pc.green(one.state) : pc.red(one.state),
      one.state === "placeholder" ? "none" : one.issuer,
      one.daysLeft === null ? "" : leftInWords(one.daysLeft),
      lastAttempt === null ? "never" : `${one.lastResult}, ${timeInWords(lastAttempt)}`,
      one.due ? "renews it" : "leaves it",
    ]);
  }
  return [table.toString(), ...verdict(certificates, stack)].join("\n");
}

function verdict(certificates: readonly Reported[], stack: string): string[] {
  const bad = certificates.filter(({ problems }) => problems.length > 0);
  if (bad.length === 0) return [pc.green("Every certificate is issued, and none is near its end.")];
  return [
    ...bad.map(({ name, problems }) => `${pc.red("✗")} ${name} ${problems.join("; ")}`),
    `docs/letsencrypt.md has these messages. To try again: bin/veza certs renew NAME --stack ${stack}`,
  ];
}
