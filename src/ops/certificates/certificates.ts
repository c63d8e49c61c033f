import { runProgram, type ContainerSite } from "../container-program.ts";
import { StackError, type DeployedStack } from "../stack.ts";
import { reported, type Reported } from "./report.ts";
import { readStatus, type CertificateStatus } from "./status.ts";

type Known = DeployedStack["outputs"]["certificates"];

/** Seconds within which a container has to say what it has. */
const statusSeconds = 60;
/** Seconds that the container's program waits at most for another one of its kind. */
const lockSeconds = 300;
/** Seconds that one certificate takes at most: the longest `timeoutSeconds` there is, and what goes around it. */
const oneSeconds = 960;

/**
 * Every certificate of a stack as it is now, asked from the containers that keep them.
 * @throws HostError when one of them cannot be asked
 */
export async function certificatesOf(stack: DeployedStack, now: Date): Promise<readonly Reported[]> {
  const { certificates } = stack.outputs;
  const asked = issuersOf(certificates).map(async (loadBalancer) => {
    const wanted = certificates.filter((one) => one.loadBalancer === loadBalancer);
    const there = readStatus(await askStatus(issuer(stack, loadBalancer)));
    const absent = wanted.filter(({ name }) => !there.some((one) => one.name === name)).map(unknown);
    return [...there, ...absent].map((one) => reported(loadBalancer, one, now));
  });
  return (await Promise.all(asked)).flat();
}

/**
 * Has certificates renewed that are due, or all that are asked for.
 * @param name any name of a certificate. @default every certificate
 * @param force also what is not due
 * @param print gets what is run where, and at its end what it said
 * @returns the highest of their exit codes: 0 when all went well
 * @throws StackError for a name that no certificate of the stack has
 * @throws HostError when a container cannot be reached, or does not end in time
 */
export async function renewCertificates(
  stack: DeployedStack,
  { name, force }: { readonly name?: string | undefined; readonly force: boolean },
  print: (text: string) => void,
): Promise<number> {
  const { certificates } = stack.outputs;
  const chosen = name === undefined ? undefined : certificateWith(certificates, name);
  let exitCode = 0;
  for (const loadBalancer of issuersOf(chosen === undefined ? certificates : [chosen])) {
    const count = chosen === undefined ? certificates.length : 1;
    const words = ["renew", ...(force ? ["--force"] : []), ...(chosen === undefined ? [] : [chosen.name])];
    print(`${loadBalancer}: certificates ${words.join(" ")}`);
    const limit = lockSeconds + count * oneSeconds;
    const said = await runProgram(issuer(stack, loadBalancer), "certificates", words, limit);
    if (said.text !== "") print(said.text);
    if (!said.isWhole)
      print("(some of what it said got lost on the way; bin/veza certs shows what came of it)");
    exitCode = Math.max(exitCode, said.exitCode);
  }
  return exitCode;
}

/** @throws StackError that lists the known ones, when none has the name */
export function certificateWith(certificates: Known, name: string): Known[number] {
  const found = certificates.find(({ names }) => names.includes(name.toLowerCase()));
  if (found !== undefined) return found;
  const known = certificates.map(({ names }) => `  ${names.join(" ")}`);
  throw new StackError(
    [`no certificate of this stack has the name ${name}; there are:`, ...known].join("\n"),
  );
}

/** Names of the load balancers whose containers issue certificates. */
function issuersOf(certificates: Known): readonly string[] {
  return [...new Set(certificates.map(({ loadBalancer }) => loadBalancer))];
}

function issuer(stack: DeployedStack, loadBalancer: string): ContainerSite {
  const found = stack.outputs.loadBalancers.find(({ name }) => name === loadBalancer);
  if (found === undefined) throw new StackError(`stack ${stack.name} has no load balancer '${loadBalancer}'`);
  return { host: stack.host(found.host), project: stack.outputs.project, container: loadBalancer };
}

/** Asks again where Incus lost some of the answer: reading changes nothing. */
async function askStatus(at: ContainerSite): Promise<string> {
  for (let attempt = 1; attempt <= 3; attempt++) {
    const said = await runProgram(at, "certificates", ["status"], statusSeconds);
    if (said.exitCode !== 0)
      throw new StackError(
        `${at.project}/${at.container} cannot say what certificates it has (exit status ${String(said.exitCode)}): ${said.text}`,
      );
    if (said.isWhole) return said.text;
  }
  throw new StackError(`Incus lost what ${at.project}/${at.container} said, three times. Try again`);
}

function unknown({ name, names }: Known[number]): CertificateStatus {
  return {
    ...{ name, names, state: "unknown", issuer: "", notBefore: null, notAfter: null, serial: "" },
    ...{ lastAttempt: null, lastResult: "none", due: true },
    ...{ error: "", lastLook: null },
  };
}
