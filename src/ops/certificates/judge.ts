import type { CertificateStatus } from "./status.ts";

const dayMs = 86_400_000;
/** Part of its lifetime that a certificate must have left. Renewal begins at a third. */
const leastLeft = 0.1;
/** Part of its lifetime after which a certificate must have been looked at again, and ms that are never too long. */
const longestUnseen = 0.1;
const neverTooLong = 3_600_000;

/** Days until an issued certificate ends, negative afterwards; null where none is issued. */
export function daysLeft({ state, notAfter }: CertificateStatus, now: Date): number | null {
  return state !== "issued" || notAfter === null ? null : (notAfter.getTime() - now.getTime()) / dayMs;
}

/** What somebody should look at, in words; empty for a certificate that is as it should be. */
export function problemsWith(certificate: CertificateStatus, now: Date): readonly string[] {
  return [
    ...stateProblems(certificate),
    ...endProblems(certificate, now),
    ...attemptProblems(certificate),
    ...lookProblems(certificate, now),
  ];
}

function stateProblems({ state }: CertificateStatus): string[] {
  switch (state) {
    case "issued":
      return [];
    case "placeholder":
      return ["has a placeholder only, so browsers are not sent to HTTPS"];
    case "missing":
      return ["has no certificate at all"];
    case "unknown":
      return ["is not configured in its load balancer yet: bin/pulumi up does that"];
  }
}

function endProblems(certificate: CertificateStatus, now: Date): string[] {
  const { state, notBefore, notAfter } = certificate;
  if (state !== "issued" || notBefore === null || notAfter === null) return [];
  const left = notAfter.getTime() - now.getTime();
  if (left <= 0) return [`ended on ${timeInWords(notAfter)}: clients refuse it`];
  const isNear = left < leastLeft * (notAfter.getTime() - notBefore.getTime());
  return isNear ? [`ends in ${leftInWords(left / dayMs)}, and should have been renewed long ago`] : [];
}

function attemptProblems({ lastResult, lastAttempt, error }: CertificateStatus): string[] {
  if (lastResult !== "failed") return [];
  const when = lastAttempt === null ? "" : ` (${timeInWords(lastAttempt)})`;
  return [`its last attempt failed${when}: ${error || "no reason was noted"}`];
}

/** The program that does not run notes no failure. */
function lookProblems({ state, notBefore, notAfter, lastLook }: CertificateStatus, now: Date): string[] {
  if (state !== "issued" || notBefore === null || notAfter === null || lastLook === null) return [];
  const allowed = Math.max(neverTooLong, longestUnseen * (notAfter.getTime() - notBefore.getTime()));
  if (now.getTime() - lastLook.getTime() <= allowed) return [];
  return [`was last looked at on ${timeInWords(lastLook)}: its renewal timer does not run`];
}

/** `2026-11-21 13:40 UTC` */
export function timeInWords(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** `89 days`, `31 hours`, `12 minutes`, `over` */
export function leftInWords(days: number): string {
  if (days <= 0) return "over";
  if (days >= 3) return `${Math.floor(days)} days`;
  if (days >= 3 / 24) return `${Math.floor(days * 24)} hours`;
  return `${Math.floor(days * 24 * 60)} minutes`;
}
