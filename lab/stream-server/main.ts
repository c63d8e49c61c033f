import { run, version } from "../shared/run.ts";
import { startStreamServer } from "./stream-server.ts";

await run("stream-server", 8082, (settings) => startStreamServer(settings, version));
