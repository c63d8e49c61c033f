import { describe, expect, it } from "@jest/globals";
import { execFileSync } from "node:child_process";
import { letsencryptSchema } from "../../src/config/letsencrypt.ts";
import {
  installSeconds,
  letsencryptUnit,
  placeholderUnit,
  renewalSeconds,
} from "../../src/letsencrypt/unit.ts";

const directory = "https://acme.example/directory";

function unitOf(changes: object = {}, options: object = {}) {
  const config = letsencryptSchema.parse({
    contact: "ops@veza.fr",
    publicAddresses: ["203.0.113.7", "2001:DB8:0:0::7"],
    certificates: [{ names: ["veza.fr", "www.veza.fr"] }, { names: ["talas.fr"], keyType: "rsa" }],
    renewal: { schedule: "*-*-* 03:30:00", jitterSeconds: 600 },
    ...changes,
  });
  return { config, unit: letsencryptUnit(config, { directory, resolver: undefined, ...options }) };
}

function textOf(path: string, changes: object = {}, options: object = {}): string {
  return unitOf(changes, options).unit.files.find((file) => file.path === path)?.content ?? "";
}

describe("what lands in a load balancer that gets certificates", () => {
  it("is these documents, besides the program itself", () => {
    const { unit } = unitOf();
    const texts = unit.files.filter(({ path }) => !path.startsWith("/usr/local/lib"));
    expect(
      texts.map(({ path, mode, owner, content }) => `--- ${path} ${mode} ${owner}\n${content}`).join("\n"),
    ).toMatchSnapshot();
  });

  it("is the program, its hook and its libraries, of which only the first two can be run", () => {
    const { unit } = unitOf();
    const programs = unit.files.filter(({ path }) => path.startsWith("/usr/local/lib"));
    expect(programs.map(({ path, mode }) => `${mode} ${path.replace("/usr/local/lib/veza/", "")}`)).toEqual([
      "0755 certificates",
      "0755 certificates-hook",
      "0755 certificate-metrics",
      ...["settings", "pem", "store", "handover", "attempts", "reason", "dns", "issue", "report"].map(
        (name) => `0644 certificates.d/${name}.sh`,
      ),
    ]);
  });

  it("has no sidecar when another machine answers the CA", () => {
    const { unit } = unitOf({ challenge: { address: "10.77.0.9", port: 8888 } });
    expect(unit.files.map(({ path }) => path)).not.toContain("/etc/systemd/system/veza-challenge.service");
    expect([unit.users, unit.followUp?.parameters?.["CHALLENGE"]]).toEqual([[], ""]);
  });

  it("has every library that the program and its hook read", () => {
    const { unit } = unitOf();
    for (const name of ["certificates", "certificates-hook"]) {
      const program = unit.files.find(({ path }) => path.endsWith(`/${name}`))?.content ?? "";
      const libraries = /^for library in (.*); do$/m.exec(program)?.[1]?.split(" ") ?? [];
      expect(libraries.length).toBeGreaterThan(5);
      for (const library of libraries)
        expect(unit.files.map(({ path }) => path)).toContain(
          `/usr/local/lib/veza/certificates.d/${library}.sh`,
        );
    }
  });

  it("asks the DNS server that is configured, at its port", () => {
    const settings = (resolver: string) => textOf("/etc/veza/certificates.env", {}, { resolver });
    expect(settings("10.77.0.40:5353")).toMatch(/^RESOLVER='10\.77\.0\.40'\nRESOLVER_PORT='5353'$/m);
    expect(settings("10.77.0.40")).toMatch(/^RESOLVER='10\.77\.0\.40'\nRESOLVER_PORT='53'$/m);
  });

  it("trusts a CA of its own only when told to", () => {
    const options = { caCertificate: "/usr/local/etc/tls/acme-ca.pem" };
    expect(textOf("/etc/dehydrated/config", {}, options)).toMatch(
      /^CURL_OPTS='.* --cacert \/usr\/local\/etc\/tls\/acme-ca\.pem'$/m,
    );
    expect(textOf("/etc/dehydrated/config")).not.toContain("cacert");
  });

  it("is read by a shell as it was written", () => {
    const contact = `o'"$(id)"@veza.fr`;
    const config = letsencryptSchema.parse({
      contact: "ops@veza.fr",
      publicAddresses: ["203.0.113.7"],
      certificates: [{ names: ["veza.fr"] }],
    });
    const { files } = letsencryptUnit({ ...config, contact }, { directory, resolver: undefined });
    for (const [path, name] of [
      ["/etc/dehydrated/config", "CONTACT_EMAIL"],
      ["/etc/veza/certificates.env", "CONTACT"],
    ] as const) {
      const input = files.find((one) => one.path === path)?.content ?? "";
      const words = ["-euc", `eval "$(cat)"; printf %s "$${name}"`];
      const said = execFileSync("bash", words, { input, encoding: "utf8" });
      expect(said).toBe(contact);
    }
  });

  it("may take as long as every certificate takes at its worst", () => {
    const { config, unit } = unitOf({ timeoutSeconds: 100 });
    expect(renewalSeconds(config)).toBeGreaterThan(300 + 2 * 2 * 100);
    const names = [...Array(50).keys()].map((n) => `n${String(n)}.veza.fr`);
    const many = unitOf({ timeoutSeconds: 100, certificates: [{ names }, { names: ["talas.fr"] }] }).config;
    expect(renewalSeconds(many)).toBe(renewalSeconds(config) + 48);
    const service = unit.files.find(({ path }) => path.endsWith("/veza-certificates.service"));
    expect(service?.content).toContain(`TimeoutStartSec=${String(renewalSeconds(config))}\n`);
  });
});

it("an update waits for other runs less long than its step may take, which is longer for more certificates", () => {
  const { config, unit } = unitOf();
  const waits = Number(unit.followUp?.parameters?.["LOCK_SECONDS"]);
  expect(textOf("/etc/veza/certificates.env")).toContain(`LOCK_SECONDS='${String(waits)}'\n`);
  expect(installSeconds(config)).toBeGreaterThan(2 * waits + 40);
  const certificates = [...Array(200).keys()].map((n) => ({ names: [`n${String(n)}.veza.fr`] }));
  expect(installSeconds(unitOf({ certificates }).config)).toBeGreaterThan(2 * waits + 40 + 200);
});

describe("placeholders", () => {
  it("are files that only root reads, beside HAProxy's directory", () => {
    const { files, directories } = placeholderUnit([{ name: "veza.fr", pem: "chain\nkey" }]);
    expect(files).toEqual([
      {
        path: "/usr/local/etc/tls/placeholders/veza.fr.pem",
        content: "chain\nkey\n",
        mode: "0600",
        owner: "root:root",
      },
    ]);
    expect(directories).toEqual([
      { path: "/usr/local/etc/tls/placeholders", mode: "0700", owner: "root:root" },
    ]);
  });
});
