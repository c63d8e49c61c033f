import { X509Certificate } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { Agent, request } from "undici";
import { placeholderOrganization } from "../../src/config/certificates.ts";
import { pebblePorts } from "../../src/config/letsencrypt.ts";
import type { StackConfig } from "../../src/config/stack.ts";
import { isOfAnotherCa, tlsClaims } from "../../src/ops/proof/tls-claims.ts";
import { askNames, type TlsListener } from "../../src/ops/proof/tls-proof.ts";
import { localBackendDir } from "../../src/ops/pulumi/environment.ts";
import { labProject, labStack, localLoadBalancers, repository } from "../machine/lab-stack.ts";
import { SetupError } from "../machine/setup-error.ts";
import type { Note, Progress } from "../progress.ts";
import { provedBy } from "./lab-claims.ts";

/** Where the root of the lab's CA is kept for people: `curl --cacert` wants a file. */
export const rootFile = join(dirname(localBackendDir(process.env, homedir())), "lab-ca.pem");

/** The names of each certificate that the lab has from its own CA. */
export function labCertificates(config: StackConfig): readonly (readonly string[])[] {
  return config.letsencrypt?.pebble === undefined
    ? []
    : config.letsencrypt.certificates.map(({ names }) => names);
}

/** Where the lab answers HTTPS: published ports first, then the containers' own addresses. */
export function tlsListeners(config: StackConfig): readonly TlsListener[] {
  const local = localLoadBalancers(config);
  const published = local.flatMap(({ publish }) =>
    publish.flatMap(({ address, http, https }) => (https === undefined ? [] : [{ address, http, https }])),
  );
  const { http = 80, https = 443 } = config.loadBalancer?.ports ?? {};
  return [...published, ...local.map(({ address }) => ({ address, http, https }))];
}

/**
 * Shows that every name of the lab's certificates is served over TLS by every listener, and writes the CA's root to
 * `rootFile`. A CA that was restarted has another root, and has forgotten what it issued: then everything is issued anew.
 * @param path of something that answers 200
 * @throws SetupError with what does not hold
 */
export async function proveNames(config: StackConfig, path: string, progress: Progress): Promise<void> {
  const certificates = labCertificates(config);
  const address = config.letsencrypt?.pebble?.address;
  if (certificates.length === 0 || address === undefined) return;
  const names = certificates.flat();
  for (const listener of tlsListeners(config)) {
    await progress.step(
      `Proof through https://${listener.address}:${String(listener.https)}`,
      async (note) => {
        note("asking");
        const questions = { root: await pebbleRoot(address), path };
        await mkdir(dirname(rootFile), { recursive: true });
        await writeFile(rootFile, questions.root);
        let answers = await askNames(listener, names, questions);
        if (answers.some((answer) => isOfAnotherCa(answer, placeholderOrganization))) {
          await renewAll(note);
          answers = await askNames(listener, names, questions);
          progress.say("The lab's CA was restarted and forgot its root: all certificates were issued anew.");
        }
        note(provedBy(tlsClaims(answers, { certificates, httpsPort: listener.https })));
      },
    );
  }
}

/** The root that signs now: Pebble makes a new one at every start. Asked without trust, there is nothing to trust yet. */
async function pebbleRoot(address: string): Promise<string> {
  const url = `https://${address}:${String(pebblePorts.management)}/roots/0`;
  const agent = new Agent({ connect: { rejectUnauthorized: false } });
  try {
    const { body } = await request(url, { dispatcher: agent, signal: AbortSignal.timeout(10_000) });
    return new X509Certificate(await body.text()).toString();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SetupError(`the lab's CA does not show its root at ${url} (${why})`, [
      `Is its container running? incus list --project ${labProject}`,
    ]);
  } finally {
    await agent.destroy();
  }
}

async function renewAll(note: Note): Promise<void> {
  note("the CA was restarted; having all certificates issued anew");
  const veza = fileURLToPath(new URL("bin/veza", repository));
  const run = await execa(veza, ["certs", "renew", "--force", "--stack", labStack], {
    stdin: "ignore",
    all: true,
    reject: false,
  });
  if (!run.failed) return;
  throw new SetupError(
    "the lab's CA was restarted, and the certificates could not be issued anew; bin/veza certs renew --force said:",
    run.all.split("\n"),
  );
}

/** What to type to meet a name here; undefined where none is certified, or no port of this machine leads to it. */
export function curlLine(config: StackConfig): string | undefined {
  const [[name] = []] = labCertificates(config);
  const [listener] = tlsListeners(config);
  if (name === undefined || listener === undefined) return undefined;
  const at = `${name}:${String(listener.https)}`;
  return `curl --cacert ${rootFile} --resolve ${at}:${listener.address} https://${at}/`;
}
