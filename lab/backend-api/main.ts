import { run, version } from "../shared/run.ts";
import { startBackendApi } from "./backend-api.ts";
import { databaseSettings } from "./notes.ts";

await run("backend-api", 8080, (settings) =>
  startBackendApi(settings, version, databaseSettings(process.env)),
);
