import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import { createHash } from "node:crypto";
import { loginRole } from "./model.ts";

/**
 * A password that nobody has to think of: 32 characters that need no quoting anywhere, from a key that the stack's state
 * keeps encrypted. Another name is another password.
 */
export function password(name: string, opts: pulumi.CustomResourceOptions): pulumi.Output<string> {
  const { privateKeyPem } = new tls.PrivateKey(name, { algorithm: "ED25519" }, opts);
  return pulumi.secret(privateKeyPem.apply(passwordFrom));
}

/** 192 bits, as letters, digits, `-` and `_`. */
export function passwordFrom(key: string): string {
  return createHash("sha256").update(key).digest("base64url").slice(0, 32);
}

/** A role that can log in, and with what. */
export interface Login {
  readonly role: string;
  readonly password: pulumi.Output<string>;
}

/**
 * The logins of an owner, the current one first. That of the revision before goes on working, for those who have not
 * heard of the new one yet.
 */
export function ownerLogins(
  component: string,
  owner: string,
  revision: number,
  opts: pulumi.CustomResourceOptions,
): readonly [Login, ...Login[]] {
  const login = (of: number): Login => ({
    role: loginRole(owner, of),
    password: password(`${component}-${owner}-password-${String(of)}`, opts),
  });
  return revision === 1 ? [login(1)] : [login(revision), login(revision - 1)];
}
