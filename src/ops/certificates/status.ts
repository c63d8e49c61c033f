import { z } from "zod";

/** One certificate as it lies in its load balancer's container. */
export interface CertificateStatus {
  /** The first of its names. */
  readonly name: string;
  readonly names: readonly string[];
  /**
   * `placeholder`: HAProxy serves one of our own making until the CA has issued one. `unknown`: the stack has it, and its
   * load balancer does not, because an update did not get that far.
   */
  readonly state: "issued" | "placeholder" | "missing" | "unknown";
  /** Empty where there is no certificate. */
  readonly issuer: string;
  readonly notBefore: Date | null;
  readonly notAfter: Date | null;
  /** Hexadecimal. */
  readonly serial: string;
  /** When the CA was asked last, or would have been; null for never. */
  readonly lastAttempt: Date | null;
  readonly lastResult: "ok" | "failed" | "none";
  /** What the last attempt failed with. */
  readonly error: string;
  /** Whether the next look at it will renew it. */
  readonly due: boolean;
  /** When it was last looked whether any certificate there is due; null for never. */
  readonly lastLook: Date | null;
}

/** Unix time in seconds; 0 says that there is none. */
const moment = z
  .string()
  .regex(/^\d{1,12}$/, "is no time in seconds")
  .transform((seconds) => (seconds === "0" ? null : new Date(Number(seconds) * 1000)));

const fields = z.tuple([
  z.string().min(1, "is empty"),
  z.string().transform((names) => names.split(" ").filter((name) => name !== "")),
  z.enum(["issued", "placeholder", "missing"]),
  z.string(),
  moment,
  moment,
  z.string().regex(/^[0-9A-Fa-f]*$/, "is not hexadecimal"),
  moment,
  z.enum(["ok", "failed", "none"]),
  z.string(),
  z.enum(["yes", "no"]),
  moment,
]);
const fieldNames = [
  ...["name", "names", "state", "issuer", "notBefore", "notAfter", "serial"],
  ...["last attempt", "result", "error", "due", "last look"],
];

/**
 * Reads what `certificates status` prints: a line per certificate, its fields between tabs.
 * @throws Error that shows the line, and says what is wrong with it
 */
export function readStatus(text: string): CertificateStatus[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map(readLine);
}

function readLine(line: string): CertificateStatus {
  const read = fields.safeParse(line.split("\t"));
  if (!read.success) {
    const said = read.error.issues.map(({ path: [index], message }) =>
      typeof index === "number" ? `field ${fieldNames[index] ?? String(index)}: ${message}` : message,
    );
    throw new Error(
      `the container describes a certificate in a way that is not understood (${said.join("; ")}): ${JSON.stringify(line)}. It has another version of the program than this one: bin/pulumi up brings them together`,
    );
  }
  const [
    name,
    names,
    state,
    issuer,
    notBefore,
    notAfter,
    serial,
    lastAttempt,
    lastResult,
    error,
    due,
    lastLook,
  ] = read.data;
  return {
    ...{ name, names, state, issuer, notBefore, notAfter, serial },
    ...{ lastAttempt, lastResult, error, due: due === "yes", lastLook },
  };
}
