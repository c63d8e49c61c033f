import { parse } from "node:path";
import { z } from "zod";
import { agentPort } from "../config/fleet.ts";
import type { FileSpec } from "../incus/file-spec.ts";
import type { FilesSpec } from "../incus/files-body.ts";
import { readScript } from "../shell/read-script.ts";
import { renderTemplate } from "../templating/render.ts";
import { artifactPath, type InstanceSpec, type StatisticsAddress } from "./model.ts";
import { commandLine, environmentLine } from "./systemd-quoting.ts";

const scripts = ["rollout.sh", "release.sh", "contents.sh", "balancers.sh"] as const;

const words = z.record(z.string(), z.string());

/** Seconds an instance may take to download its artifact. */
const downloadSeconds = 300;

/**
 * All that restarts an instance, as one unit of files: systemd units, environment, and the roll-out to its artifact.
 *
 * @param loadBalancers every load balancer that may send requests to the instance; those that do not answer are not
 * waited for, so a first deployment needs none
 */
export function instanceUnit(spec: InstanceSpec, loadBalancers: readonly StatisticsAddress[]): FilesSpec {
  const { application } = spec;
  return {
    unit: "application",
    users: [
      { name: application.user, home: `/opt/veza/${application.name}` },
      { name: "veza-agent", home: "/run/veza" },
    ],
    directories: [
      { path: "/etc/veza", mode: "0750", owner: "root:root" },
      { path: `/opt/veza/${application.name}`, mode: "0755", owner: "root:root" },
    ],
    files: [applicationUnit(spec), environmentFile(spec), agentUnit(spec), ...agentScripts()],
    followUp: {
      script: readScript(import.meta.url, ...scripts),
      parameters: rolloutParameters(spec, loadBalancers),
    },
  };
}

/** Applied before the roll-out, which starts the application with it. */
export function secretsUnit({ application }: InstanceSpec, password: string): FilesSpec {
  return {
    unit: "secrets",
    files: [
      {
        path: secretsPath(application.name),
        content: renderTemplate("etc/veza/app.secret.env.hbs", words, {
          lines: environmentLine("DATABASE_PASSWORD", password),
        }),
        // Read by systemd, before it becomes the application's user.
        mode: "0600",
        owner: "root:root",
      },
    ],
  };
}

function secretsPath(application: string): string {
  return `/etc/veza/${application}.secret.env`;
}

/**
 * Seconds a roll-out of one instance may take at most, with everything that can go wrong in it: the time limit for
 * the step that runs it. Shorter, and an instance could be stopped by the limit in the middle of being put back.
 */
export function rolloutSeconds({ application }: InstanceSpec): number {
  const { drainSeconds, healthSeconds, artifact } = application;
  const stop = drainSeconds + 30;
  const start = 2 * healthSeconds + 30;
  const download = artifact.from.kind === "url" ? downloadSeconds : 0;
  return download + drainSeconds + 2 * (stop + start) + 60;
}

function rolloutParameters(
  spec: InstanceSpec,
  loadBalancers: readonly StatisticsAddress[],
): Record<string, string | number> {
  const { application } = spec;
  const { artifact } = application;
  return {
    APP: application.name,
    INSTANCE: spec.name,
    ADDRESS: spec.address,
    PORT: application.port,
    HEALTH_PATH: application.healthPath,
    POOL: application.pool,
    LOAD_BALANCERS: loadBalancers.map(({ address, port }) => `${address}:${String(port)}`).join(" "),
    ARTIFACT_NAME: artifact.name,
    ARTIFACT_SHA256: artifact.sha256,
    ARTIFACT_SOURCE: artifact.from.kind === "url" ? artifact.from.url : artifactPath(artifact.sha256),
    DRAIN_SECONDS: application.drainSeconds,
    HEALTH_SECONDS: application.healthSeconds,
    DOWNLOAD_SECONDS: downloadSeconds,
    KEEP_RELEASES: application.keepReleases,
    ...(spec.database && { SECRETS: secretsPath(application.name) }),
  };
}

function applicationUnit({ name, application, database }: InstanceSpec): FileSpec {
  return {
    path: `/etc/systemd/system/${application.name}.service`,
    content: renderTemplate("etc/systemd/system/veza-app.service.hbs", words, {
      app: application.name,
      instance: name,
      user: application.user,
      secrets: database === undefined ? "" : secretsPath(application.name),
      command: commandLine(application.command),
      stopSeconds: String(application.drainSeconds + 5),
    }),
    mode: "0644",
    owner: "root:root",
  };
}

function environmentFile({ name, application, database }: InstanceSpec): FileSpec {
  const variables = {
    INSTANCE: name,
    PORT: String(application.port),
    SHUTDOWN_SECONDS: String(application.drainSeconds),
    ...(database && {
      DATABASE_HOST: database.host,
      DATABASE_PORT: String(database.port),
      DATABASE_NAME: database.name,
      DATABASE_USER: database.user,
    }),
    ...application.environment,
  };
  const lines = Object.entries(variables).map(([variable, value]) => environmentLine(variable, value));
  return {
    path: `/etc/veza/${application.name}.env`,
    content: renderTemplate("etc/veza/app.env.hbs", words, { lines: lines.join("") }),
    mode: "0640",
    owner: "root:root",
  };
}

function agentUnit({ name }: InstanceSpec): FileSpec {
  return {
    path: "/etc/systemd/system/veza-agent.service",
    content: renderTemplate("etc/systemd/system/veza-agent.service.hbs", words, {
      instance: name,
      port: String(agentPort),
    }),
    mode: "0644",
    owner: "root:root",
  };
}

function agentScripts(): FileSpec[] {
  return ["agent.pl", "leave.sh"].map((name) => ({
    path: `/usr/local/lib/veza/${parse(name).name}`,
    content: readScript(import.meta.url, name),
    mode: "0755",
    owner: "root:root",
  }));
}
