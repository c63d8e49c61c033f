import { execa } from "execa";
import type { DriftKind } from "../../../src/ops/drift/item.ts";
import { publishedHttpsPort } from "./edge-config.ts";
import type { IncusProject } from "./incus.ts";

/** Something that a hand does to a stack behind its back, and what a look has to say of it. */
export interface HandMade {
  readonly what: string;
  readonly in: string;
  /** Shell in the container, or words for Incus about it. */
  readonly shell?: string;
  readonly incus?: (container: string) => readonly string[];
  readonly kind: DriftKind;
  readonly subject: string;
  readonly says: RegExp;
}

const api = "/opt/veza/backend-api";
const stream = "/opt/veza/stream-server/current";
const release = { in: "stream-server-1", kind: "release" } as const;
const systemd = "/etc/systemd/system";

/** One of every kind, and more where a kind has several; they do not get in each other's way. */
export const handMade: readonly HandMade[] = [
  {
    ...{ what: "a file is edited", in: "haproxy", kind: "file", subject: "/etc/haproxy/current/haproxy.cfg" },
    shell: "echo '# by hand' >>/etc/haproxy/current/haproxy.cfg",
    says: /^its content was changed$/,
  },
  {
    ...{
      what: "a file gets another mode",
      in: "haproxy",
      kind: "file",
      subject: "/usr/local/lib/veza/certificates",
    },
    shell: "chmod 0777 /usr/local/lib/veza/certificates",
    says: /^its mode is 0777, applied was 0755$/,
  },
  {
    ...{ what: "a file gets another owner", in: "haproxy", kind: "file", subject: "/etc/dehydrated/config" },
    shell: "chown nobody /etc/dehydrated/config",
    says: /^it belongs to nobody:root, applied was root:root$/,
  },
  {
    ...{ what: "a file is removed", in: "haproxy", kind: "file", subject: "/etc/dehydrated/domains.txt" },
    shell: "rm /etc/dehydrated/domains.txt",
    says: /^it is not there$/,
  },
  {
    ...{
      what: "a link takes the place of a file",
      in: "haproxy",
      kind: "file",
      subject: "/etc/veza/certificates.env",
    },
    shell: "mv /etc/veza/certificates.env /root/ && ln -s /root/certificates.env /etc/veza/certificates.env",
    says: /^it is a symbolic link$/,
  },
  {
    ...{
      what: "a secret file is edited",
      in: "pebble",
      kind: "file",
      subject: "/etc/pebble/listener-key.pem",
    },
    shell: "echo >>/etc/pebble/listener-key.pem",
    says: /^its content was changed$/,
  },
  {
    ...{
      what: "a directory is opened",
      in: "haproxy",
      kind: "directory",
      subject: "/usr/local/etc/tls/haproxy",
    },
    shell: "chmod 0755 /usr/local/etc/tls/haproxy",
    says: /^its mode is 0755, applied was 0700$/,
  },
  {
    ...{ what: "a user is removed", in: "haproxy", kind: "user", subject: "veza-challenge" },
    shell: "systemctl stop veza-challenge && userdel veza-challenge",
    says: /^there is no such system user$/,
  },
  {
    ...{
      what: "its service is stopped with it",
      in: "haproxy",
      kind: "service",
      subject: "veza-challenge.service",
    },
    says: /^it is inactive \(dead\)$/,
  },
  {
    ...{
      what: "a file is put beside ours",
      in: "haproxy",
      kind: "extra",
      subject: "/usr/local/lib/veza/hotfix.sh",
    },
    shell: "echo true >/usr/local/lib/veza/hotfix.sh",
    says: /^nobody applied this file$/,
  },
  {
    ...{ what: "a service is masked", in: "haproxy", kind: "extra", subject: `${systemd}/haproxy.service` },
    shell: "systemctl mask --quiet haproxy",
    says: /^nobody applied this file$/,
  },
  {
    ...{ what: "a service is overridden", in: "backend-api-2", kind: "extra" },
    subject: `${systemd}/backend-api.service.d/override.conf`,
    shell: `mkdir ${systemd}/backend-api.service.d && printf '[Service]\\nNice=5\\n' >${systemd}/backend-api.service.d/override.conf && systemctl daemon-reload && sleep 1.1 && systemctl restart backend-api`,
    says: /^nobody applied this file, and backend-api\.service was started with it$/,
  },
  {
    ...{ what: "a service's unit is edited", in: "haproxy", kind: "file" },
    subject: `${systemd}/veza-certificate-metrics.service`,
    shell: `echo 'Environment=BY=hand' >>${systemd}/veza-certificate-metrics.service && systemctl daemon-reload`,
    says: /^its content was changed$/,
  },
  {
    ...{
      what: "a drop-in is edited",
      in: "haproxy",
      kind: "file",
      subject: `${systemd}/haproxy.service.d/veza.conf`,
    },
    shell: `sed -i 's/ProtectHome=yes/ProtectHome=no/' ${systemd}/haproxy.service.d/veza.conf`,
    says: /^its content was changed$/,
  },
  {
    ...{ what: "a timer is stopped", in: "haproxy", kind: "service", subject: "veza-certificates.timer" },
    shell: "systemctl stop veza-certificates.timer",
    says: /^it is inactive \(dead\)$/,
  },
  {
    ...{
      what: "a service is disabled",
      in: "backend-api-1",
      kind: "service",
      subject: "backend-api.service",
    },
    shell: "systemctl disable --quiet backend-api",
    says: /^it is disabled, so it does not start at boot$/,
  },
  {
    ...{ what: "an agent is stopped", in: "backend-api-1", kind: "service", subject: "veza-agent.service" },
    shell: "systemctl stop veza-agent",
    says: /^it is (inactive \(dead\)|failed \(failed\))$/,
  },
  {
    ...{
      what: "the environment is edited",
      in: "backend-api-1",
      kind: "file",
      subject: "/etc/veza/backend-api.env",
    },
    shell: "echo 'DEBUG=\"yes\"' >>/etc/veza/backend-api.env",
    says: /^its content was changed$/,
  },
  {
    ...{
      what: "a program is edited",
      in: "backend-api-1",
      kind: "release",
      subject: `${api}/current/backend-api.mjs`,
    },
    shell: `echo '// by hand' >>${api}/current/backend-api.mjs`,
    says: /^it is not the program that was deployed$/,
  },
  {
    ...{ what: "another release is linked", in: "backend-api-2", kind: "release", subject: `${api}/current` },
    shell: `cp -a ${api}/current/ ${api}/releases/by-hand && ln -sfn releases/by-hand ${api}/current`,
    says: /^it points to releases\/by-hand, deployed was releases\/[0-9a-f]{12}$/,
  },
  {
    ...{ what: "a file of an archive is edited", ...release, subject: `${stream}/lib/one.js` },
    shell: `echo '// by hand' >>${stream}/lib/one.js`,
    says: /^its content was changed$/,
  },
  {
    ...{ what: "a file of an archive is removed", ...release, subject: `${stream}/lib/two.js` },
    shell: `rm ${stream}/lib/two.js`,
    says: /^it is not there$/,
  },
  {
    ...{ what: "a file is added to an archive", ...release, subject: `${stream}/lib/three.js` },
    shell: `echo >${stream}/lib/three.js`,
    says: /^nobody deployed it$/,
  },
  {
    ...{ what: "a link of an archive is turned", ...release, subject: `${stream}/start.js` },
    shell: `ln -sfn lib/three.js ${stream}/start.js`,
    says: /^it is now: link to lib\/three\.js; deployed was: link to lib\/one\.js$/,
  },
  {
    ...{ what: "a program of an archive is opened", ...release, subject: `${stream}/stream-server.mjs` },
    shell: `chmod 0666 ${stream}/stream-server.mjs`,
    says: /^it is now: file 666 root:root; deployed was: file 644 root:root$/,
  },
  {
    ...{
      what: "an application is stopped",
      in: "backend-api-2",
      kind: "service",
      subject: "backend-api.service",
    },
    shell: "systemctl stop backend-api",
    says: /^it is inactive \(dead\)$/,
  },
  {
    ...{
      what: "a running server is moved",
      in: "haproxy",
      kind: "running",
      subject: "letsencrypt_backend/sidecar",
    },
    shell:
      "echo 'set server letsencrypt_backend/sidecar addr 127.0.0.2 port 8888' | socat - /run/haproxy/admin.sock",
    says: /^it runs as 127\.0\.0\.2:8888, configured is 127\.0\.0\.1:8888$/,
  },
  {
    ...{ what: "another configuration is linked", in: "haproxy", kind: "running", subject: "configuration" },
    shell:
      "cp -a /etc/haproxy/current/ /etc/haproxy/releases/by-hand && ln -sfn releases/by-hand /etc/haproxy/current",
    says: /^HAProxy runs release [0-9a-f]{16}, on disk is releases\/by-hand$/,
  },
  {
    ...{ what: "a limit is set", in: "haproxy", kind: "container", subject: "limits.cpu" },
    incus: (container) => ["config", "set", container, "limits.cpu=1"],
    says: /^limits\.cpu is 1, applied was none$/,
  },
  {
    ...{
      what: "a setting of its own is added",
      in: "backend-api-2",
      kind: "container",
      subject: "limits.processes",
    },
    incus: (container) => ["config", "set", container, "limits.processes=5000"],
    says: /^limits\.processes is 5000, applied was none$/,
  },
  {
    ...{ what: "a published port is removed", in: "haproxy", kind: "container" },
    subject: `port-443-127-0-0-1-${String(publishedHttpsPort)}`,
    incus: (container) => [
      ...["config", "device", "remove", container, `port-443-127-0-0-1-${String(publishedHttpsPort)}`],
    ],
    says: /^device port-443-\S+ is gone: type=proxy /,
  },
  {
    ...{ what: "a device is added", in: "backend-api-1", kind: "container", subject: "shared" },
    incus: (container) => [
      ...["config", "device", "add", container, "shared", "disk", "source=/usr/share", "path=/mnt"],
    ],
    says: /^device shared was not applied: /,
  },
  {
    ...{
      what: "what was applied is forgotten",
      in: "backend-api-2",
      kind: "applied",
      subject: "application",
    },
    incus: (container) => ["config", "set", container, "user.veza.unit.application=by-hand"],
    says: /what was applied last is not what the stack's state says$/,
  },
  {
    ...{ what: "a container is stopped", in: "pebble", kind: "container", subject: "state" },
    incus: (container) => ["stop", "--force", container],
    says: /^it is Stopped$/,
  },
];

/** Does it by hand. */
export async function makeByHand(incus: IncusProject, drift: HandMade): Promise<void> {
  if (drift.shell !== undefined) await incus.shell(drift.in, drift.shell);
  if (drift.incus !== undefined)
    await execa("incus", [...drift.incus(drift.in), "--project", incus.name], {
      stdin: "ignore",
      timeout: 60_000,
    });
}
