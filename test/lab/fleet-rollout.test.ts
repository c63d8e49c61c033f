import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { FleetLab, instancesOf } from "./fleet-lab.ts";

/** A service that says its version, its environment and its process. */
function application(version: string, health = 200): string {
  return `import { createServer } from "node:http";
const { INSTANCE, PORT, GREETING = "" } = process.env;
const version = ${JSON.stringify(version)};
console.log("version", version, "starts");
if (version.startsWith("crashing")) throw new Error("cannot go on");
const server = createServer((request, response) => {
  response.statusCode = request.url === "/api/v1/health" ? ${String(health)} : 200;
  response.end(JSON.stringify({ version, instance: INSTANCE, greeting: GREETING, pid: process.pid }));
}).listen(Number(PORT));
process.on("SIGTERM", () => { server.close(() => process.exit(0)); server.closeIdleConnections(); });
`;
}

interface Answer {
  version: string;
  instance: string;
  greeting: string;
  pid: number;
}

async function ask(address = "10.77.0.71"): Promise<Answer> {
  const headers = { Connection: "close" };
  const response = await fetch(`http://${address}:8080/`, { headers, signal: AbortSignal.timeout(3000) });
  return (await response.json()) as Answer;
}

let lab: FleetLab;
beforeAll(async () => {
  lab = await FleetLab.open();
  await lab.container("rolling-api-1", "app", "10.77.0.71");
}, 300_000);
afterAll(() => lab.close(), 60_000);

const greeting = { GREETING: 'say "hello" to $HOME\n100%' };
const agent = () => lab.shell("rolling-api-1", "cat </dev/tcp/127.0.0.1/8079");
const releases = () =>
  lab.shell("rolling-api-1", "readlink /opt/veza/rolling-api/current; ls -A /opt/veza/rolling-api");

async function specOf(version: string, changes: Parameters<typeof instancesOf>[1] = {}, health = 200) {
  const [spec] = instancesOf(await lab.artifact("app.mjs", application(version, health)), changes);
  if (spec === undefined) throw new Error("the fleet has no instance");
  return spec;
}

describe("an instance without a load balancer, one roll-out after the other", () => {
  it("is left stopped and out when its first version never turns healthy", async () => {
    const { exitCode, said } = await lab.rollOut(await specOf("crashing-0"));
    expect(exitCode).not.toBe(0);
    expect(said).toContain("rolling-api-1: releases/");
    expect(said).toContain("its process keeps ending");
    expect(said).toContain("cannot go on");
    expect(said).toContain(
      "there was no release before this one, so the application is stopped and its agent says down",
    );
    await expect(agent()).resolves.toBe("down\n");
    await expect(lab.shell("rolling-api-1", "systemctl is-active rolling-api || true")).resolves.toBe(
      "inactive\n",
    );
  }, 60_000);

  it("serves its first version", async () => {
    const outcome = await lab.rollOut(await specOf("1"));
    expect(outcome).toMatchObject({ exitCode: 0 });
    await expect(ask()).resolves.toMatchObject({ version: "1", instance: "rolling-api-1" });
    await expect(agent()).resolves.toBe("up 100%\n");
  }, 60_000);

  it("is hardened: exposure of the application and of the agent is below 2.5", async () => {
    for (const unit of ["rolling-api", "veza-agent"]) {
      const judged = await lab.shell(
        "rolling-api-1",
        `systemd-analyze security --no-pager --threshold=24 ${unit}.service | tail -n 1`,
      );
      expect(judged).toMatch(/Overall exposure level/);
    }
  });

  it("is not restarted when nothing changed, and then says a plain up", async () => {
    const before = await ask();
    const outcome = await lab.rollOut(await specOf("1"));
    expect(outcome).toMatchObject({ exitCode: 0, said: "" });
    await expect(ask()).resolves.toEqual(before);
    await lab.shell("rolling-api-1", "touch -d '-16 seconds' /run/veza/agent");
    await expect(agent()).resolves.toBe("up\n");
  }, 60_000);

  it("tells load balancers, with one process, whoever else holds connections to its agent or cuts them", async () => {
    const process = () => lab.shell("rolling-api-1", "systemctl show -P MainPID veza-agent");
    const before = await process();
    const silent = Array.from({ length: 300 }, () => connect({ host: "10.77.0.71", port: 8079 }).pause());
    try {
      await Promise.all(silent.map((socket) => once(socket, "connect")));
      await expect(agent()).resolves.toBe("up\n");
      for (const socket of silent) socket.resetAndDestroy();
      await expect(agent()).resolves.toBe("up\n");
    } finally {
      for (const socket of silent) socket.destroy();
    }
    await expect(process()).resolves.toBe(before);
    await expect(lab.shell("rolling-api-1", "systemctl show -P TasksCurrent veza-agent")).resolves.toBe(
      "1\n",
    );
  }, 60_000);

  it("rolls over to a new version and keeps the previous release", async () => {
    const before = await releases();
    const outcome = await lab.rollOut(await specOf("2"));
    expect(outcome).toMatchObject({ exitCode: 0 });
    await expect(ask()).resolves.toMatchObject({ version: "2" });
    const kept = await lab.shell("rolling-api-1", "ls /opt/veza/rolling-api/releases");
    expect(kept).toContain(before.split("\n")[0]?.replace("releases/", ""));
  }, 60_000);

  it("takes a changed environment with a restart", async () => {
    const outcome = await lab.rollOut(await specOf("2", { environment: greeting }));
    expect(outcome).toMatchObject({ exitCode: 0 });
    await expect(ask()).resolves.toMatchObject({ version: "2", greeting: greeting.GREETING });
  }, 60_000);

  it("does not touch what runs when the checksum is wrong", async () => {
    const before = await ask();
    const spec = await specOf("3");
    const wrong = {
      ...spec,
      application: {
        ...spec.application,
        artifact: { ...spec.application.artifact, sha256: "0".repeat(64) },
      },
    };
    const { exitCode, said } = await lab.rollOut(wrong);
    expect(exitCode).not.toBe(0);
    expect(said).toContain(`expected ${"0".repeat(64)}\n  found    ${spec.application.artifact.sha256}`);
    expect(said).toContain("Nothing was changed");
    await expect(ask()).resolves.toEqual(before);
  }, 60_000);

  it("does not touch what runs when the disk is too full for the artifact", async () => {
    const before = await ask();
    const releasesPath = "/opt/veza/rolling-api/releases";
    await lab.shell("rolling-api-1", `mount -t tmpfs -o size=16k tmpfs ${releasesPath}`);
    const { exitCode, said } = await lab.rollOut(await specOf("3".repeat(40_000)));
    await lab.shell("rolling-api-1", `umount ${releasesPath}`);
    expect(exitCode).not.toBe(0);
    expect(said).toContain("No space left on device");
    expect(said).toContain(
      "no release could be made of the artifact app.mjs (the reason is above). Nothing was changed",
    );
    await expect(ask()).resolves.toEqual(before);
  }, 60_000);

  it("unpacks an archive, wherever its files came from, and again when somebody has been at them", async () => {
    const source = join(lab.directory, "archive");
    await mkdir(source, { mode: 0o700 });
    await writeFile(join(source, "app.mjs"), application("packed"), { mode: 0o600 });
    const path = join(lab.directory, "app.tar.gz");
    await execa("tar", ["-czf", path, "-C", source, "."]);
    const sha256 = createHash("sha256")
      .update(await readFile(path))
      .digest("hex");
    const [spec] = instancesOf({ path, sha256, name: "app.tar.gz" });
    if (spec === undefined) throw new Error("the fleet has no instance");
    await expect(lab.rollOut(spec)).resolves.toMatchObject({ exitCode: 0 });
    await expect(ask()).resolves.toMatchObject({ version: "packed" });
    await expect(lab.rollOut(spec)).resolves.toMatchObject({ exitCode: 0, said: "" });
    const current = "/opt/veza/rolling-api/current";
    await lab.shell("rolling-api-1", `echo '// by hand' >>${current}/app.mjs; echo >${current}/beside.mjs`);
    await expect(lab.rollOut(spec)).resolves.toMatchObject({ exitCode: 0 });
    await expect(lab.shell("rolling-api-1", `ls ${current}; tail -n 1 ${current}/app.mjs`)).resolves.toBe(
      `app.mjs\n${application("packed").trimEnd().split("\n").at(-1) ?? ""}\n`,
    );
    await expect(lab.rollOut(await specOf("2", { environment: greeting }))).resolves.toMatchObject({
      exitCode: 0,
    });
  }, 60_000);

  it("is put back, environment included, when the new version never turns healthy", async () => {
    const { exitCode, said } = await lab.rollOut(
      await specOf("4", { environment: { GREETING: "new" }, healthSeconds: 5 }, 500),
    );
    expect(exitCode).not.toBe(0);
    expect(said).toMatch(
      /releases\/\w{12} did not become healthy: within 5 s \(healthSeconds\) \/api\/v1\/health gave 500/,
    );
    expect(said).toContain("  | version 4 starts");
    expect(said).toMatch(/state now: releases\/\w{12} runs again, with the unit and environment it had/);
    await expect(ask()).resolves.toMatchObject({ version: "2", greeting: greeting.GREETING });
    await expect(agent()).resolves.toBe("up 100%\n");
  }, 60_000);

  it("notices a version that crashes at once long before its time is over", async () => {
    const began = Date.now();
    const { exitCode, said } = await lab.rollOut(await specOf("crashing-5", { healthSeconds: 60 }));
    expect(exitCode).not.toBe(0);
    expect(said).toContain("its process keeps ending");
    expect(Date.now() - began).toBeLessThan(25_000);
    await expect(ask()).resolves.toMatchObject({ version: "2" });
  }, 90_000);

  it.each(["start_agent", "stop_application", "systemctl enable", "start_application", "take_in", "prune"])(
    "arrives at the wanted version after a roll-out was killed before %s",
    async (command) => {
      const killed = await specOf(`6, killed before ${command}`, { environment: { GREETING: "6" } });
      await lab.rollOutKilledBefore(killed, command);
      const outcome = await lab.rollOut(await specOf(`7, not ${command}`));
      expect(outcome).toMatchObject({ exitCode: 0 });
      await expect(ask()).resolves.toMatchObject({ version: `7, not ${command}`, greeting: "" });
    },
    90_000,
  );

  it("goes back to what served before a killed roll-out when the next one fails", async () => {
    const before = await ask();
    const killed = await specOf("8, not healthy", { environment: { GREETING: "8" } }, 500);
    await lab.rollOutKilledBefore(killed, "healthy_within");
    const { exitCode } = await lab.rollOut(await specOf("9, not healthy", { healthSeconds: 5 }, 500));
    expect(exitCode).not.toBe(0);
    await expect(ask()).resolves.toMatchObject({ version: before.version, greeting: before.greeting });
  }, 90_000);

  it("downloads an artifact by URL, and names what it could not download", async () => {
    const text = application("10");
    const server = createServer((request, response) => {
      response.statusCode = request.url === "/app.mjs" ? 200 : 404;
      response.end(text);
    });
    await new Promise<void>((resolve) => server.listen(0, "10.77.0.1", resolve));
    const address = server.address();
    const url = `http://10.77.0.1:${typeof address === "object" && address !== null ? String(address.port) : ""}`;
    try {
      const sha256 = createHash("sha256").update(text).digest("hex");
      const [missing] = instancesOf({ url: `${url}/missing.mjs`, sha256 });
      const [there] = instancesOf({ url: `${url}/app.mjs`, sha256 });
      if (missing === undefined || there === undefined) throw new Error("the fleet has no instance");
      const { exitCode, said } = await lab.rollOut(missing);
      expect(exitCode).not.toBe(0);
      expect(said).toContain(`could not be downloaded from ${url}/missing.mjs`);
      expect(said).toContain("404");
      await expect(lab.rollOut(there)).resolves.toMatchObject({ exitCode: 0 });
      await expect(ask()).resolves.toMatchObject({ version: "10" });
    } finally {
      server.close();
    }
  }, 60_000);

  it("keeps no more releases than it was told, the running one among them", async () => {
    const count = await lab.shell(
      "rolling-api-1",
      "ls /opt/veza/rolling-api/releases | wc -l; test -e /opt/veza/rolling-api/current/app.mjs",
    );
    expect(count).toBe("3\n");
  });

  it("comes back serving after a reboot", async () => {
    await lab.restart("rolling-api-1");
    await lab.shell(
      "rolling-api-1",
      "for n in $(seq 50); do curl -fs 10.77.0.71:8080/api/v1/health && exit; sleep 0.2; done; exit 1",
    );
    await expect(ask()).resolves.toMatchObject({ version: "10" });
    // It says its weight, too, in the first seconds only.
    await expect(agent()).resolves.toMatch(/^up( 100%)?\n$/);
  }, 60_000);
});
