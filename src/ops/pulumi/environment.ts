import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";

import type { Toolchain } from "../../../tools/toolchain/find.ts";
import { loggedInTo } from "./project.ts";

/** The lab's state is encrypted with a passphrase that everybody knows: it protects nothing worth protecting. */
export const labPassphrase = "veza-lab";

/** What the environment of a call depends on. All paths are absolute. */
export interface Circumstances {
  readonly env: Readonly<NodeJS.ProcessEnv>;
  /** The user's home directory. */
  readonly home: string;
  /** Folders that come first on PATH: Pulumi's, then Node's. */
  readonly path: readonly string[];
  readonly pulumiHome: string;
  /** The backend that the user is logged in to (`pulumi login`); undefined when to none. */
  readonly loggedInTo: string | undefined;
  /** Undefined: the call is about no stack, or about one that Pulumi will ask for. */
  readonly stack: string | undefined;
  readonly command: string;
}

export type Environment =
  { readonly env: NodeJS.ProcessEnv; readonly backend: string | undefined } | { readonly refusal: string };

/** `lab`, and the `lab-…` stacks that tests make: they live on this machine and are nobody's loss. */
export function isLab(stack: string): boolean {
  return /^lab(?:-[a-z0-9-]+)?$/.test(stack);
}

/**
 * Resources worked on at a time; the CLI would take four per core. Each step over SSH is a connection of its own, and
 * sshd drops some of those as soon as ten are not logged in yet (MaxStartups): of 40 at once it dropped 14, of 8 at a
 * time none, in the same total time.
 */
const parallel = "8";

/** The lab's backend: a folder of the user, outside of every checkout. */
export function localBackendDir(env: Readonly<NodeJS.ProcessEnv>, home: string): string {
  return join(env["XDG_STATE_HOME"] || join(home, ".local", "state"), "veza-edge", "pulumi");
}

/** Where the user's login is. It stays there: the home that Pulumi gets here has the pinned plugins only. */
export function credentialsDir(env: Readonly<NodeJS.ProcessEnv>, home: string): string {
  return env["PULUMI_CREDENTIALS_PATH"] || env["PULUMI_HOME"] || join(home, ".pulumi");
}

/**
 * The environment that Pulumi runs in, or why it must not run: what is good enough for the lab (a
 * backend on this machine, a public passphrase) would silently lose or expose another stack's state.
 */
export function pulumiEnvironment(at: Circumstances): Environment {
  const local = `file://${localBackendDir(at.env, at.home)}`;
  const chosen = at.env["PULUMI_BACKEND_URL"] || undefined;
  const loginOrOut = at.command === "login" || at.command === "logout";
  const backend = chosen ?? at.loggedInTo ?? (loginOrOut ? undefined : local);
  const lab = at.stack !== undefined && isLab(at.stack);

  if (at.stack !== undefined && !lab) {
    if (backend === local) return { refusal: noBackend(at.stack) };
    if (at.env["PULUMI_CONFIG_PASSPHRASE"] === labPassphrase) return { refusal: publicPassphrase(at.stack) };
  }
  const passphraseIsSet =
    at.env["PULUMI_CONFIG_PASSPHRASE"] !== undefined || at.env["PULUMI_CONFIG_PASSPHRASE_FILE"] !== undefined;
  return {
    backend,
    env: {
      ...at.env,
      PATH: [...at.path, at.env["PATH"] ?? ""].join(delimiter),
      PULUMI_CREDENTIALS_PATH: credentialsDir(at.env, at.home),
      PULUMI_HOME: at.pulumiHome,
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_PARALLEL: at.env["PULUMI_PARALLEL"] || parallel,
      ...(chosen === undefined && backend === local ? { PULUMI_BACKEND_URL: local } : {}),
      ...(lab && !passphraseIsSet ? { PULUMI_CONFIG_PASSPHRASE: labPassphrase } : {}),
    },
  };
}

/** The same for whoever runs this process, with the pinned Pulumi. */
export function environmentHere(
  { binDir, pulumiHome }: Toolchain,
  stack: string | undefined,
  command: string,
): Environment {
  return pulumiEnvironment({
    env: process.env,
    home: homedir(),
    path: [binDir, dirname(process.execPath)],
    pulumiHome,
    loggedInTo: loggedInTo(credentialsDir(process.env, homedir())),
    stack,
    command,
  });
}

function noBackend(stack: string): string {
  return `stack ${stack} has no backend: the default one is a folder of this machine and serves the lab only.
Nothing was done. Say where the state of ${stack} is kept, by one of
  bin/pulumi login URL               once, for example s3://BUCKET or https://api.pulumi.com
  export PULUMI_BACKEND_URL=URL      for this shell; file:///FOLDER works too`;
}

function publicPassphrase(stack: string): string {
  return `stack ${stack} would be encrypted with the lab's passphrase, which is public.
Nothing was done. Set the stack's own in PULUMI_CONFIG_PASSPHRASE, or name a file that has it in
PULUMI_CONFIG_PASSPHRASE_FILE.`;
}
