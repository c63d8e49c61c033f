import { describe, expect, it } from "@jest/globals";
import { imagesSchema } from "../../src/config/incus.ts";
import { letsencryptPackages } from "../../src/config/letsencrypt.ts";
import { filesBody, type FilesSpec } from "../../src/incus/files-body.ts";
import { caRootFile, caRootUnit } from "../../src/letsencrypt/ca-root.ts";
import { pebbleTlsUnit, pebbleUnit } from "../../src/letsencrypt/pebble-units.ts";

const spec = { address: "10.77.0.40", edgeAddress: "10.77.0.10", certificateSeconds: 90 };
const pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const key = "-----BEGIN PRIVATE KEY-----\nBBBB\n-----END PRIVATE KEY-----\n";

describe("a Pebble of the stack's own", () => {
  it("listens on its own address and asks the edge on port 80", () => {
    const config: unknown = JSON.parse(content(pebbleUnit(spec), "/etc/pebble/pebble.json"));
    expect(config).toEqual({
      pebble: {
        listenAddress: "10.77.0.40:14000",
        managementListenAddress: "10.77.0.40:15000",
        certificate: "/etc/pebble/listener.pem",
        privateKey: "/etc/pebble/listener-key.pem",
        httpPort: 80,
        tlsPort: 443,
        ocspResponderURL: "",
        externalAccountBindingRequired: false,
        certificateValidityPeriod: 90,
      },
    });
  });

  it("asks its own DNS server, in which every name leads to the edge over IPv4", () => {
    const unit = pebbleUnit(spec);
    expect(command(unit, "pebble")).toBe(
      "/usr/bin/pebble -strict -config /etc/pebble/pebble.json -dnsserver 10.77.0.40:53",
    );
    expect(command(unit, "pebble-challtestsrv")).toBe(
      '/usr/bin/pebble-challtestsrv -dns01 10.77.0.40:53 -management 10.77.0.40:8055 -defaultIPv4 10.77.0.10 -defaultIPv6 "" -http01 "" -https01 "" -tlsalpn01 "" -doh ""',
    );
  });

  it("keeps its key to a unit of its own, which other users cannot read", () => {
    expect(filesBody(pebbleUnit(spec))).not.toContain("PRIVATE KEY");
    expect(pebbleTlsUnit(pem, key).files).toEqual([
      { path: "/etc/pebble/listener.pem", content: pem, mode: "0640", owner: "root:pebble" },
      { path: "/etc/pebble/listener-key.pem", content: key, mode: "0640", owner: "root:pebble" },
    ]);
  });

  it("is believed by a load balancer through its certificate, without the key", () => {
    expect(caRootUnit(pem)).toEqual({
      unit: "acme-ca",
      files: [{ path: caRootFile, content: pem, mode: "0644", owner: "root:root" }],
    });
  });
});

it("images have by default what certificates need", () => {
  const { haproxy, pebble } = imagesSchema.parse({});
  expect(haproxy.packages).toEqual(expect.arrayContaining(["haproxy", ...letsencryptPackages]));
  expect(pebble.packages).toEqual(["pebble"]);
});

function content({ files }: FilesSpec, path: string): string {
  const found = files.find((file) => file.path === path);
  if (found === undefined) throw new Error(`there is no ${path}`);
  return found.content;
}

function command(unit: FilesSpec, service: string): string | undefined {
  return /^ExecStart=(.*)$/m.exec(content(unit, `/etc/systemd/system/${service}.service`))?.[1];
}
