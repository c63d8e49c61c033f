import type { Service } from "./service.ts";
import { readSettings, type Settings } from "./settings.ts";

/** The build's version, put in by the bundler; `dev` when run from source. */
declare const VERSION: string | undefined;
export const version = typeof VERSION === "string" ? VERSION : "dev";

/** Runs one stand-in as the process: start, log, and a clean end on SIGTERM or SIGINT with status 0. */
export async function run(
  name: string,
  defaultPort: number,
  start: (settings: Settings) => Promise<Service>,
): Promise<void> {
  const settings = readSettings(process.env, defaultPort);
  if (settings.crash) {
    console.error(`${name} ${version}: CRASH=1 is set, exiting`);
    process.exit(1);
  }
  const service = await start(settings);
  const stop = (signal: NodeJS.Signals): void => {
    console.log(`${name}: ${signal}, finishing open requests within ${settings.shutdownSeconds} s`);
    void service.close().then((outcome) => {
      console.log(`${name}: stopped${outcome === "cut" ? ", open connections were cut" : ""}`);
      process.exit(0);
    });
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  // Last: whoever reads this line may send a signal at once.
  console.log(`${name} ${version}: ${settings.instance} listens on port ${service.port}`);
}
