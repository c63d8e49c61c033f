import { z } from "zod";
import type { FileSpec } from "../incus/file-spec.ts";
import type { FilesSpec } from "../incus/files-body.ts";
import { readScript } from "../shell/read-script.ts";
import { renderTemplate } from "../templating/render.ts";
import { accessLog, accessLogFiles } from "./access-log.ts";
import { broughtCertificate } from "./certificate.ts";
import { documentSchema, documentView } from "./document-view.ts";
import { probeName, type TcpListen } from "./listen.ts";
import { monitorPath, type HaproxyModel } from "./model.ts";
import { socketScript } from "./socket.ts";
import { number, word } from "./words.ts";

/** Where the running configuration is found in the container; a link to one of the releases beside it. */
export const configDirectory = "/etc/haproxy/current";
const maintenancePage = `${configDirectory}/errors/maintenance.html`;
/** Saves run-time state and reloads; push, systemd and certificate renewals all go through it. */
export const controlScript = "/usr/local/lib/veza/haproxy-control";
/** What it is made of, beside it. */
const libraries = ["socket", "state", "files"].map((name) => `usr/local/lib/veza/haproxy.d/${name}.sh`);

/**
 * Seconds a push may take with all the limits in push.sh reached, one after the other: what runs is looked at (30), the
 * check (30), reload or restart (100), the proof (30), and the last two again when it is taken back. Shorter, and the
 * limit could end it in the middle of putting the old configuration back.
 */
export const pushSeconds = 360;

/** The unit of files that makes a container this HAProxy: its documents, and the push that puts them to work. */
export function haproxyUnit(model: HaproxyModel): FilesSpec {
  return {
    unit: "haproxy",
    files: renderHaproxy(model),
    followUp: {
      script: socketScript() + readScript(import.meta.url, "push.sh"),
      parameters: { PROBES: probes(model).join(" "), READS: reads(model).join(" ") },
    },
  };
}

/** Every file of an HAProxy, complete; the same model gives the same bytes. */
export function renderHaproxy(model: HaproxyModel): FileSpec[] {
  const file = (path: string, mode: string, content: string): FileSpec => ({
    path,
    mode,
    owner: "root:root",
    content,
  });
  const fixed = (path: string, mode: string, template = path.slice(1)): FileSpec =>
    file(path, mode, renderTemplate(template, z.strictObject({}), {}));
  return [
    // Not for everybody: a user's own lines may hold the hash of a password.
    file(
      `${configDirectory}/haproxy.cfg`,
      "0640",
      renderTemplate("etc/haproxy/current/haproxy.cfg.hbs", documentSchema, documentView(model)),
    ),
    fixed(`${configDirectory}/errors/503.http`, "0644"),
    ...model.frontends.flatMap((frontend) =>
      frontend.kind !== "public"
        ? []
        : frontend.maintenance.page === undefined
          ? fixed(maintenancePage, "0644")
          : file(maintenancePage, "0644", frontend.maintenance.page),
    ),
    ...(model.listens.length === 0
      ? []
      : [
          file(
            `${configDirectory}/starts-down`,
            "0644",
            renderTemplate("etc/haproxy/current/starts-down.hbs", startsDownSchema, {
              servers: model.listens.flatMap(startingDown),
            }),
          ),
          fixed("/etc/systemd/system/haproxy.service.d/veza-starts-down.conf", "0644"),
        ]),
    fixed("/etc/systemd/system/haproxy.service.d/veza.conf", "0644"),
    fixed("/etc/systemd/system/veza-access-log.socket", "0644"),
    file(
      "/etc/systemd/system/veza-access-log.service",
      "0644",
      renderTemplate(
        "etc/systemd/system/veza-access-log.service.hbs",
        accessLogSchema,
        accessLogView(model.accessLog.keepMiB),
      ),
    ),
    fixed("/usr/local/lib/veza/access-log", "0755", "usr/local/lib/veza/access-log.pl"),
    // Before what reads them: it may be called in the middle of an update.
    ...libraries.map((path) => fixed(`/${path}`, "0644")),
    fixed(controlScript, "0755", "usr/local/lib/veza/haproxy-control.sh"),
  ];
}

const accessLogSchema = z.strictObject({ path: word, older: number, bytes: number });

function accessLogView(keepMiB: number): z.infer<typeof accessLogSchema> {
  const { older, bytes } = accessLogFiles(keepMiB);
  return { path: accessLog, older: String(older), bytes: String(bytes) };
}

const startsDownSchema = z.strictObject({
  servers: z.array(z.strictObject({ backend: word, id: number, name: word, address: word, port: number })),
});

/** Every server of a listener, and whatever checks it, as the saved state needs it. */
function startingDown({ name, check, servers }: TcpListen): z.infer<typeof startsDownSchema>["servers"] {
  return servers.flatMap((server) => {
    const common = { id: String(server.id), name: server.name, address: server.address };
    return [
      { ...common, backend: name, port: String(server.port) },
      ...(server.hostName === undefined
        ? []
        : [{ ...common, backend: probeName(server), port: String(check.port) }]),
    ];
  });
}

/** Files of other units that HAProxy has only read since it was started or reloaded after them. */
function reads(model: HaproxyModel): string[] {
  const isBrought = model.frontends.some((one) => one.kind === "public" && one.tls && !one.tls.namesMap);
  return isBrought ? [broughtCertificate] : [];
}

/** What has to answer 200 after a push, as `scheme:port:path`. */
export function probes(model: HaproxyModel): string[] {
  return model.frontends.flatMap((frontend) => {
    switch (frontend.kind) {
      case "public":
        return [
          `http:${String(frontend.httpPort)}:${monitorPath}`,
          ...(frontend.tls ? [`https:${String(frontend.tls.port)}:${monitorPath}`] : []),
        ];
      case "stats":
        return [`http:${String(frontend.port)}:/stats;csv`];
    }
  });
}
