import { hostname } from "node:os";

/** What a stand-in reads from its environment. */
export interface Settings {
  /** TCP port, `PORT`. */
  readonly port: number;
  /** Name in `X-Instance`, `INSTANCE`; default: the host name, which in a container is the container's. */
  readonly instance: string;
  /** Time for open requests and WebSockets to end after SIGTERM, `SHUTDOWN_SECONDS`; default 20. */
  readonly shutdownSeconds: number;
  /** `FAIL_HEALTH=1`: the health check answers 500, for tests of a version that never turns healthy. */
  readonly failHealth: boolean;
  /** `CRASH=1`: exit at start, for tests of a version that cannot run. */
  readonly crash: boolean;
}

/** @throws Error naming the variable when a number is not one. */
export function readSettings(
  env: Readonly<Record<string, string | undefined>>,
  defaultPort: number,
): Settings {
  return {
    port: integer(env, "PORT", defaultPort, 65_535),
    instance: env["INSTANCE"] ?? hostname(),
    shutdownSeconds: integer(env, "SHUTDOWN_SECONDS", 20, 3_600),
    failHealth: env["FAIL_HEALTH"] === "1",
    crash: env["CRASH"] === "1",
  };
}

function integer(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  fallback: number,
  max: number,
): number {
  const text = env[name];
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw new Error(`${name} is "${text}", expected a whole number from 0 to ${max}`);
  }
  return value;
}
