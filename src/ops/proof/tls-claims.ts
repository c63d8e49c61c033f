import type { Claim } from "./claims.ts";

/** What a client of one name met at one listener. */
export interface NameAnswers {
  readonly name: string;
  /** Undefined when the chain verifies against the CA's root and the name is in the certificate; else OpenSSL's word for why not. */
  readonly distrust: string | undefined;
  /** Names in the certificate, sorted. */
  readonly certified: readonly string[];
  /** The subject's organization. */
  readonly organization: string | undefined;
  /** Status over HTTPS; 0 where there was no answer. */
  readonly status: number;
  readonly hsts: string | undefined;
  /** What plain HTTP answers; undefined where the listener has none. */
  readonly plain: PlainAnswers | undefined;
}

export interface PlainAnswers {
  readonly status: number;
  readonly location: string | undefined;
  /** Status of a question of the CA for a token that there is not. */
  readonly challengeStatus: number;
}

/** What a listener has to do with names. */
export interface PromisedNames {
  /** The names of each certificate. */
  readonly certificates: readonly (readonly string[])[];
  /** Port that HTTP sends clients on to. */
  readonly httpsPort: number;
}

/** What OpenSSL says about a chain that ends in another root than the one given. */
const foreignChain = new Set([
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "CERT_SIGNATURE_FAILURE",
]);

/** Whether a name has a certificate by a CA that is not the one we know, such as a Pebble that has been restarted since. */
export function isOfAnotherCa(
  { distrust, organization }: NameAnswers,
  placeholderOrganization: string,
): boolean {
  return distrust !== undefined && foreignChain.has(distrust) && organization !== placeholderOrganization;
}

/** What is to hold for names over TLS, and what was seen. */
export function tlsClaims(
  answers: readonly NameAnswers[],
  { certificates, httpsPort }: PromisedNames,
): readonly Claim[] {
  const total = answers.length;
  const plain = answers.flatMap(({ name, plain: answer }) =>
    answer === undefined ? [] : [{ name, ...answer }],
  );
  return [
    claim(
      "every name has a certificate that verifies against the CA's root",
      total,
      answers.flatMap(({ name, distrust }) => (distrust === undefined ? [] : [`${name}: ${distrust}`])),
      `${counted(total, "name")} verified`,
    ),
    claim(
      "every name is answered with its own certificate",
      total,
      answers.flatMap(({ name, certified }) => {
        const own = certificates.find((names) => names.includes(name)) ?? [];
        return [...own].sort().join() === certified.join()
          ? []
          : [`${name} gets one for ${certified.join(" ")}`];
      }),
      `${counted(certificates.length, "certificate")} selected by name`,
    ),
    claim(
      "every name is served over HTTPS, and browsers are told to stay there",
      total,
      answers.flatMap(({ name, status, hsts }) =>
        status === 200 && /\bmax-age=[1-9]/.test(hsts ?? "")
          ? []
          : [`${name} answers ${status}, Strict-Transport-Security: ${hsts ?? "(none)"}`],
      ),
      `${total} × 200 with HSTS`,
    ),
    ...(plain.length === 0 ? [] : plainClaims(plain, httpsPort)),
  ];
}

function plainClaims(
  answers: readonly (PlainAnswers & { readonly name: string })[],
  httpsPort: number,
): readonly Claim[] {
  return [
    claim(
      `plain HTTP sends every name to HTTPS on port ${httpsPort}`,
      answers.length,
      answers.flatMap(({ name, status, location }) =>
        status === 301 && originOf(location) === new URL(`https://${name}:${httpsPort}`).origin
          ? []
          : [`${name} answers ${status}${location === undefined ? "" : ` to ${location}`}`],
      ),
      `${answers.length} × 301`,
    ),
    claim(
      "the CA's questions are answered over plain HTTP",
      answers.length,
      // Nobody has such a token, so 404 is the right answer, and it shows that the sidecar runs.
      answers.flatMap(({ name, challengeStatus }) =>
        challengeStatus === 404 ? [] : [`${name} answers ${challengeStatus}`],
      ),
      `${answers.length} challenges reach their sidecar`,
    ),
  ];
}

function claim(says: string, asked: number, wrong: readonly string[], whenRight: string): Claim {
  const holds = asked > 0 && wrong.length === 0;
  return { says, holds, seen: asked === 0 ? "nothing was asked" : holds ? whenRight : wrong.join(", ") };
}

function originOf(location: string | undefined): string | undefined {
  return location !== undefined && URL.canParse(location) ? new URL(location).origin : undefined;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
