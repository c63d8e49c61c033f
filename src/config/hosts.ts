import { z } from "zod";
import { hostName, port } from "./common.ts";

const local = z.strictObject({
  /** `local`: Incus runs on the machine that runs `pulumi`. Fixed when a stack is created. */
  connection: z.literal("local"),
});

const ssh = z.strictObject({
  /** `ssh`: Incus runs on another machine. Fixed when a stack is created. */
  connection: z.literal("ssh"),
  /** Name or address of the machine. */
  address: z.string().regex(/^[A-Za-z0-9.:-]+$/, "must be a name or an address"),
  /** @default 22 */
  port: port.default(22),
  /** Who logs in; anyone but root needs password-less sudo. @default root */
  user: z
    .string()
    .regex(/^[a-z_][a-z0-9_-]*$/, "must be a user name")
    .default("root"),
  /** The machine's public host key. A machine that shows another one is refused. */
  hostKey: z.string().regex(/^(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|ssh-rsa) [A-Za-z0-9+/]+=*$/, {
    error:
      "must be a public key such as 'ssh-ed25519 AAAA…', without a comment (ssh-keyscan -t ed25519 HOST shows it)",
  }),
});

/** `veza-edge:hosts`: the machines that run Incus, by the name other keys use for them. */
export const hostsSchema = z
  .record(hostName, z.discriminatedUnion("connection", [local, ssh]))
  .refine((hosts) => Object.keys(hosts).length > 0, "must name at least one host");
export type HostsConfig = z.infer<typeof hostsSchema>;
