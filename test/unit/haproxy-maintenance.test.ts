import { describe, expect, it } from "@jest/globals";
import { loadBalancerSchema } from "../../src/config/load-balancer.ts";
import { loadBalancerModel } from "../../src/haproxy/model.ts";
import { renderHaproxy } from "../../src/haproxy/render.ts";
import type { Certificates } from "../../src/haproxy/tls.ts";
import type { FileSpec } from "../../src/incus/file-spec.ts";

const issued: Certificates = {
  kind: "issued",
  primaryNames: ["veza.test"],
  challenge: { address: "127.0.0.1", port: 8888 },
  metricsPort: 8889,
};

/** Of a load balancer without servers; its haproxy.cfg first. */
function files(config: object, certificates?: Certificates, page?: string): FileSpec[] {
  const parsed = loadBalancerSchema.parse({ instances: [{ address: "10.77.0.10" }], ...config });
  const network = { bridge: "incusbr0", gateway: "10.77.0.1/24" };
  const pools = { api_pool: [], stream_pool: [] };
  return renderHaproxy(loadBalancerModel(parsed, pools, network, certificates, page));
}

describe("a maintenance", () => {
  const rules = (config: object, certificates?: Certificates): readonly string[] =>
    (files(config, certificates)[0]?.content ?? "")
      .split("\n")
      .filter((one) => /^ {4}(http-request|monitor-uri)/.test(one));
  const place = (lines: readonly string[], part: string): number =>
    lines.findIndex((one) => one.includes(part));

  it("comes after the CA's requests and the promise to stay on HTTPS, and before every redirect and rule", () => {
    const lines = rules({ extraConfig: { frontends: "http-request deny if { path /private }" } }, issued);
    const order = [
      "allow if { path_beg",
      "set-var(txn.https)",
      "return status 503",
      "redirect prefix",
      "/private",
    ];
    const places = order.map((part) => place(lines, part));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places).not.toContain(-1);
  });

  it("lets through whom config names, and nobody else by itself", () => {
    const of = (maintenance: object): string | undefined =>
      rules({ maintenance }).find((one) => one.includes("return status 503"));
    expect(of({})).toMatch(/ if \{ src,map_ip\(opt@\S+\/closed\.map\) -m str yes \}$/);
    expect(of({ allow: ["192.0.2.10", "10.0.0.0/8"], retryAfterSeconds: 60 })).toMatch(
      / hdr Retry-After 60 .* if \{ src,map_ip\(\S+\) -m str yes \} !\{ src 192\.0\.2\.10 10\.0\.0\.0\/8 \}$/,
    );
  });

  it("shows the stack's own page where there is one", () => {
    const page = (own?: string): string | undefined =>
      files({}, undefined, own).find(({ path }) => path.endsWith("/maintenance.html"))?.content;
    expect(page("<p>Back at nine</p>\n")).toBe("<p>Back at nine</p>\n");
    const ours = page() ?? "";
    expect(ours).toContain("<!doctype html>");
    // All it needs is in it: whatever it would fetch is closed, too.
    expect(ours).not.toMatch(/(src|href)=|url\(|@import/);
  });
});
