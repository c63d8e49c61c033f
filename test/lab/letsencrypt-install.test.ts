import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { InstallLab } from "./letsencrypt-install-lab.ts";

const a = { names: ["a.test", "www.a.test"] };
const b = { names: ["b.test"] };
const old = "260101000000Z";

describe("certificates in a load balancer's container", () => {
  let lab: InstallLab;
  beforeAll(async () => {
    lab = await InstallLab.open();
    expect(await lab.program({ certificates: [a, b] })).toEqual({ exitCode: 0, said: "" });
  }, 300_000);

  afterAll(() => lab.close(), 60_000);

  it("can be prepared before there is anything to serve", async () => {
    expect(await lab.certificates("install")).toEqual({ exitCode: 0, said: "" });
    expect(await lab.status("a.test", 3)).toBe("missing");
    const units = "veza-challenge veza-certificate-metrics veza-certificates.timer";
    expect(await lab.shell(`systemctl is-active ${units}`)).toBe("active\nactive\nactive\n");
    expect(await lab.shell(`systemctl --failed --plain --no-legend`)).toBe("");
  });

  it("are asked for on the timer's schedule, which has to be one", async () => {
    const timer = await lab.shell("systemctl show -P TimersCalendar -P Persistent veza-certificates.timer");
    expect(timer).toMatch(/OnCalendar=\*-\*-\* 00:00:00 .*\nyes\n/);
    const outcome = await lab.program({ certificates: [a, b], renewal: { schedule: "every now and then" } });
    expect(outcome.exitCode).not.toBe(0);
    expect(outcome.said).toContain("letsencrypt.renewal.schedule is no calendar event");
    expect(await lab.shell("systemctl is-active veza-certificates.timer")).toBe("active\n");
  });

  it("are placeholders at first, which nobody is redirected to", async () => {
    await lab.placeholders();
    await lab.haproxy();
    expect(await lab.status("a.test", 3)).toBe("placeholder");
    expect([await lab.map(), await lab.overHttp("a.test")]).toEqual(["", "503 "]);
  });

  it("are in service as soon as the CA gave them, without a reload", async () => {
    const worker = await lab.worker();
    const serial = await lab.make("one", "a.test www.a.test");
    expect(await lab.deploy("a.test", "one")).toEqual({ exitCode: 0, said: "" });
    expect([await lab.served("a.test"), await lab.served("www.a.test")]).toEqual([serial, serial]);
    expect(await lab.map()).toBe("a.test 1\nwww.a.test 1\n");
    expect(await lab.overHttp("www.a.test", "/x?y")).toBe("301 https://www.a.test/x?y");
    expect(await lab.overHttp("b.test")).toBe("503 ");
    expect(await lab.worker()).toBe(worker);
    expect(await lab.shell("stat -c '%a %U' /usr/local/etc/tls/haproxy/*.pem")).toBe("600 root\n600 root\n");
  });

  it("are not replaced by a placeholder by a later update", async () => {
    const serial = await lab.served("a.test");
    await lab.program({ certificates: [a, b] });
    await lab.placeholders();
    expect(await lab.served("a.test")).toBe(serial);
    await lab.shell("systemctl restart haproxy");
    expect(await lab.served("a.test")).toBe(serial);
  });

  it("are told apart by state, in words and in metrics", async () => {
    const { said } = await lab.certificates("status");
    const [one, two] = said.split("\n").map((line) => line.split("\t"));
    expect(one?.slice(0, 4)).toEqual(["a.test", "a.test www.a.test", "issued", "Test Intermediate"]);
    expect(one?.slice(7)).toEqual(["0", "none", "", "no", "0"]);
    expect(two?.slice(0, 3)).toEqual(["b.test", "b.test", "placeholder"]);
    expect(two?.at(-2)).toBe("yes");
    const metrics = await lab.shell("curl -s --max-time 10 http://127.0.0.1:8889/");
    expect(metrics).toContain('veza_certificate_issued{name="a.test"} 1\n');
    expect(metrics).toContain('veza_certificate_issued{name="b.test"} 0\n');
    expect(metrics).toMatch(/^veza_certificate_days_left\{name="a\.test"\} (89\.99\d\d|90\.0000)$/m);
    expect(metrics).not.toMatch(/^veza_certificate_(days_left|last_renewal_\w+)\{name="b\.test"\}/m);
    const stats = await lab.shell(
      `curl -s --max-time 10 http://$(hostname -I | tr -d ' '):9100/metrics/certificates`,
    );
    expect(stats).toContain('veza_certificate_issued{name="a.test"} 1\n');
  });

  it("are refused when they are not what was asked for; the old one stays in service", async () => {
    const serial = await lab.served("a.test");
    await lab.make("other", "a.test www.a.test");
    await lab.make("fewer", "a.test");
    await lab.make("expired", "a.test www.a.test", "ecdsa", old);
    const files = "sha256sum /usr/local/etc/tls/haproxy/* /var/lib/dehydrated/issued/*/*";
    const before = await lab.shell(files);
    const refusals = [
      [await lab.deploy("a.test", "other", { key: "one" }), "its key is not the key of the certificate"],
      [await lab.deploy("a.test", "other", { chain: "fewer" }), "the chain does not belong"],
      [await lab.deploy("a.test", "fewer"), "it is for a.test, asked for was a.test www.a.test"],
      [await lab.deploy("a.test", "expired"), "it expired on 2026-01-01T00:00:00Z"],
      [await lab.deploy("c.test", "other"), "no certificate of that name is configured"],
    ] as const;
    for (const [{ exitCode, said }, reason] of refusals) {
      expect(said).toContain(reason);
      expect(exitCode).toBe(1);
    }
    expect([await lab.shell(files), await lab.served("a.test")]).toEqual([before, serial]);
  });

  it("are due when names, key or CA changed, and serve until the new one is there", async () => {
    const serial = await lab.served("a.test");
    const changes = [
      { certificates: [{ names: [...a.names, "api.a.test"] }, b] },
      { certificates: [{ names: ["a.test"] }, b] },
      { certificates: [{ ...a, keyType: "rsa" }, b] },
      { certificates: [a, b], directory: "https://other-ca.test/directory" },
    ];
    for (const change of changes) {
      expect((await lab.program(change)).exitCode).toBe(0);
      expect([await lab.status("a.test", 11), await lab.served("a.test")]).toEqual(["yes", serial]);
    }
    await lab.program({ certificates: [{ names: ["a.test", "api.a.test"] }, b] });
    expect(await lab.map()).toBe("a.test 1\n");
    await lab.program({ certificates: [a, b] });
    expect([await lab.status("a.test", 11), await lab.map()]).toEqual(["no", "a.test 1\nwww.a.test 1\n"]);
  });

  it("stay in service when they expired, and that is said", async () => {
    await lab.make("one-b", "b.test");
    await lab.deploy("b.test", "one-b");
    const serial = await lab.make("expired-b", "b.test", "rsa", old);
    const made = "/root/made/expired-b";
    await lab.shell(
      `cat ${made}/cert.pem ${made}/chain.pem ${made}/privkey.pem | tee /var/lib/dehydrated/issued/*/b.test.pem >/usr/local/etc/tls/haproxy/b.test.pem`,
    );
    expect((await lab.certificates("install")).exitCode).toBe(0);
    expect([await lab.served("b.test"), await lab.status("b.test", 3)]).toEqual([serial, "issued"]);
    expect(await lab.status("b.test", 10)).toBe("it expired on 2026-01-01T00:00:00Z");
    expect(await lab.overHttp("b.test")).toBe("301 https://b.test/");
  });

  it("are retired when they are no longer configured, and come back without the CA", async () => {
    const serial = await lab.served("a.test");
    await lab.program({ certificates: [b] });
    await lab.placeholders();
    expect(await lab.shell("ls -A /usr/local/etc/tls/haproxy")).toBe("b.test.pem\n");
    expect([await lab.map(), await lab.overHttp("a.test")]).toEqual(["b.test 1\n", "503 "]);
    await lab.program({ certificates: [a, b] });
    await lab.placeholders();
    expect([await lab.served("a.test"), await lab.status("a.test", 11)]).toEqual([serial, "no"]);
  });

  it("come back to the redirects only once the running HAProxy has them", async () => {
    const others = { certificates: [{ names: ["c.test"] }, b] };
    await lab.make("one-c", "c.test");
    await lab.program(others);
    await lab.placeholders();
    await lab.deploy("c.test", "one-c");
    expect([await lab.map(), await lab.overHttp("c.test")]).toEqual(["b.test 1\n", "503 "]);
    await lab.haproxy();
    expect((await lab.certificates("install")).exitCode).toBe(0);
    expect(await lab.map()).toBe("b.test 1\nc.test 1\n");
    expect(await lab.overHttp("c.test")).toBe("301 https://c.test/");
    await lab.program({ certificates: [a, b] });
    await lab.placeholders();
    await lab.haproxy();
    await lab.certificates("install");
    expect(await lab.map()).toBe("a.test 1\nb.test 1\nwww.a.test 1\n");
  });

  it("need no order for another order of their names", async () => {
    const serial = await lab.served("a.test");
    await lab.program({ certificates: [{ names: [...a.names].reverse() }, b] });
    await lab.placeholders();
    expect(await lab.shell("ls -A /usr/local/etc/tls/haproxy")).toBe("b.test.pem\nwww.a.test.pem\n");
    expect([await lab.served("a.test"), await lab.served("www.a.test")]).toEqual([serial, serial]);
    expect([await lab.status("www.a.test", 3), await lab.status("www.a.test", 11)]).toEqual(["issued", "no"]);
    expect(await lab.map()).toBe("a.test 1\nb.test 1\nwww.a.test 1\n");
    await lab.program({ certificates: [a, b] });
    await lab.placeholders();
    expect(await lab.served("www.a.test")).toBe(serial);
  });

  it("serve a name that moves to another one until that has it", async () => {
    await lab.make("two-b", "b.test");
    await lab.deploy("b.test", "two-b");
    const [ofA, ofB] = [await lab.served("a.test"), await lab.served("b.test")];
    // b.test moves into the certificate of a.test, which is to have a name that nobody had, too.
    const joined = { names: [...a.names, "b.test", "new.test"] };
    await lab.program({ certificates: [joined] });
    await lab.placeholders();
    expect([await lab.served("a.test"), await lab.served("b.test")]).toEqual([ofA, ofB]);
    expect(await lab.map()).toBe("a.test 1\nb.test 1\nwww.a.test 1\n");
    const serial = await lab.make("joined", joined.names.join(" "));
    await lab.deploy("a.test", "joined");
    expect((await lab.certificates("install")).exitCode).toBe(0);
    for (const name of joined.names) expect([name, await lab.served(name)]).toEqual([name, serial]);
    expect(await lab.shell("ls -A /usr/local/etc/tls/haproxy")).toBe("a.test.pem\n");
    // And out of it again: nothing was issued for the others yet.
    await lab.program({ certificates: [a, { names: ["new.test", "b.test"] }] });
    await lab.placeholders();
    await lab.haproxy();
    for (const name of joined.names) expect([name, await lab.served(name)]).toEqual([name, serial]);
    const alone = await lab.make("alone", a.names.join(" "));
    await lab.deploy("a.test", "alone");
    expect((await lab.certificates("install")).exitCode).toBe(0);
    expect([await lab.status("a.test", 7), await lab.served("b.test")]).toEqual([alone, serial]);
    await lab.program({ certificates: [a, b] });
    await lab.placeholders();
    await lab.haproxy();
    expect([await lab.served("a.test"), await lab.served("b.test")]).toEqual([alone, ofB]);
  });

  it("stay where they are the only one for a name", async () => {
    const both = await lab.make("xy", "x.test y.test");
    await lab.make("z", "z.test");
    await lab.program({ certificates: [{ names: ["x.test", "y.test"] }, { names: ["z.test"] }] });
    await lab.deploy("x.test", "xy");
    await lab.deploy("z.test", "z");
    await lab.haproxy();
    await lab.program({ certificates: [{ names: ["x.test"] }, { names: ["z.test", "y.test"] }] });
    const x = await lab.make("x", "x.test");
    expect((await lab.deploy("x.test", "x")).exitCode).toBe(0);
    const said = "x.test: the certificate before stays, because only it has y.test";
    expect(await lab.certificates("install")).toEqual({ exitCode: 0, said });
    expect([await lab.served("x.test"), await lab.served("y.test")]).toEqual([both, both]);
    const zy = await lab.make("zy", "z.test y.test");
    await lab.deploy("z.test", "zy");
    expect((await lab.certificates("install")).exitCode).toBe(0);
    expect([await lab.served("x.test"), await lab.served("y.test")]).toEqual([x, zy]);
    await lab.program({ certificates: [a, b] });
    await lab.placeholders();
    await lab.haproxy();
  });

  it("survive the loss of the volume for as long as they can", async () => {
    const serial = await lab.served("a.test");
    await lab.shell("mv /var/lib/dehydrated/issued /root/issued");
    expect((await lab.certificates("install")).exitCode).toBe(0);
    expect([await lab.served("a.test"), await lab.status("a.test", 11)]).toEqual([serial, "yes"]);
    await lab.shell("mv /root/issued /var/lib/dehydrated/issued");
  });

  it("leave a certificate alone that somebody else put beside them", async () => {
    await lab.shell("cp /usr/local/etc/tls/haproxy/{b.test,edge}.pem");
    await lab.certificates("install");
    expect(await lab.shell("cd /usr/local/etc/tls/haproxy; rm edge.pem; ls -A")).toBe(
      "a.test.pem\nb.test.pem\n",
    );
  });

  it("have services that run with their settings, also when an update was killed before it started them", async () => {
    const change = { certificates: [a, b], challenge: { port: 8890 } };
    expect((await lab.program(change, "start_services")).exitCode).not.toBe(0);
    expect(await lab.program(change)).toMatchObject({ exitCode: 0 });
    expect((await lab.shell("ss -ltnH sport = :8890")).trim()).not.toBe("");
    expect(await lab.program({ certificates: [a, b] })).toMatchObject({ exitCode: 0 });
  });

  it("have a program that is not changed under one that runs, nor waited for without an end", async () => {
    const held = (seconds: number) =>
      lab.shell(
        `systemd-run -q flock /run/veza/certificates.lock bash -c 'sleep ${String(seconds)}; date +%s.%N >/root/released'; sleep 0.5`,
      );
    await held(4);
    await lab.program({ certificates: [a, b], timeoutSeconds: 99 });
    const placed = Number(await lab.shell("stat -c %.9Z /etc/veza/certificates.env"));
    expect(placed).toBeGreaterThan(Number(await lab.shell("cat /root/released")));
    await held(8);
    const settings = "/etc/veza/certificates.env";
    await lab.shell(`sed -i "s/^LOCK_SECONDS=.*/LOCK_SECONDS='1'/" ${settings}`);
    const { exitCode, said } = await lab.certificates("install");
    expect([exitCode, said]).toEqual([
      1,
      expect.stringMatching(/^another run of certificates has been going on for 1 s\. Nothing was changed/),
    ]);
    expect(await lab.program({ certificates: [a, b] })).toMatchObject({ exitCode: 0 });
  });

  it("are looked at by the timer's service after a reboot, too, and that is seen", async () => {
    await lab.restart();
    const before = Number(await lab.shell("date +%s"));
    // It is not to be had, but it was tried.
    await lab.shell("systemctl start veza-certificates || :");
    const look = Number(await lab.status("a.test", 12));
    expect(look).toBeGreaterThanOrEqual(before);
    const metrics = await lab.shell("curl -s --max-time 10 http://127.0.0.1:8889/");
    expect(metrics).toContain(`veza_certificates_last_look_timestamp_seconds ${String(look)}\n`);
    expect(await lab.shell("stat -c %a /run/veza; ls /run/veza")).toMatch(/^700\ncertificates\n/);
  }, 60_000);

  // At every step: test/soak/letsencrypt-kills.test.ts.
  it("are served old or new after a kill at a step that changes something, and new after the next install", async () => {
    for (const label of ["before", "after"]) await lab.make(label, "a.test www.a.test");
    expect(await lab.deploy("a.test", "before")).toEqual({ exitCode: 0, said: "" });
    const [kills = 0, changes = 0, restarts = 0] = await lab.killEverywhere("a.test", "before", "after", 4);
    expect(kills).toBeGreaterThan(7);
    expect(changes).toBeGreaterThan(3);
    expect(restarts).toBeGreaterThan(0);
  }, 200_000);

  it("have a sidecar that shows one file at a time, to who knows its name", async () => {
    await lab.shell("echo token >/var/lib/veza/challenges/abc; chmod 0644 /var/lib/veza/challenges/abc");
    const ask = (path: string): Promise<string> =>
      lab.shell(
        `curl -s --max-time 5 --path-as-is -w '%{http_code}' -o /root/answer http://127.0.0.1:8888${path}`,
      );
    expect([await ask("/abc"), await lab.shell("cat /root/answer")]).toEqual(["200", "token\n"]);
    expect(await lab.overHttp("a.test", "/.well-known/acme-challenge/abc")).toBe("200 ");
    expect([await ask("/"), await ask("/../../../etc/hostname"), await ask("/cgi-bin/x")]).toEqual([
      "404",
      expect.stringMatching(/40[034]/),
      "404",
    ]);
    const exposure = await lab.shell(
      "systemd-analyze security --no-pager veza-challenge veza-certificate-metrics | sed -n 's/.*exposure level for \\(.*\\).service: \\([0-9.]*\\).*/\\1 \\2/p'",
    );
    const levels = exposure
      .trim()
      .split("\n")
      .map((line) => line.split(" "));
    expect(levels.map(([name]) => name)).toEqual(["veza-challenge", "veza-certificate-metrics"]);
    for (const [, level] of levels) expect(Number(level)).toBeLessThan(2.5);
  });

  it("are removed with their program, and nothing of it goes on running", async () => {
    // What comes instead.
    await lab.shell("cp /usr/local/etc/tls/haproxy/{b.test,edge}.pem");
    expect(await lab.removeProgram()).toMatchObject({ exitCode: 0 });
    const units = "veza-challenge veza-certificate-metrics veza-certificates.timer";
    expect(await lab.shell(`systemctl is-active ${units} || :`)).toBe("inactive\ninactive\ninactive\n");
    expect(await lab.shell("ls -A /usr/local/etc/tls/haproxy")).toBe("edge.pem\n");
    expect(await lab.shell("ls /var/lib/dehydrated/issued/*")).toMatch(/^a\.test\.pem\nb\.test\.pem\n/);
  });

  it("leave no service behind when they could not be brought at all", async () => {
    await lab.shell("mkdir -p /usr/local/etc/tls/issued-names.map/x");
    const { exitCode, said } = await lab.program({ certificates: [a, b] });
    expect([exitCode, said]).toEqual([1, expect.stringContaining("could not be given to HAProxy")]);
    const units = "veza-challenge veza-certificate-metrics veza-certificates.timer";
    expect(await lab.shell(`systemctl is-active ${units} || :`)).toBe("inactive\ninactive\ninactive\n");
    expect(await lab.shell("find /etc/systemd/system -name 'veza-c*'")).toBe("");
  });
});
