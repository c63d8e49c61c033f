import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { loadBalancerSchema, type LoadBalancerConfig } from "../../src/config/load-balancer.ts";
import type { Pools, PoolServer } from "../../src/config/pool.ts";
import { loadBalancerModel } from "../../src/haproxy/model.ts";
import { redirectPorts, type RedirectPort } from "../../src/haproxy/redirect-ports.ts";
import { haproxyUnit, renderHaproxy } from "../../src/haproxy/render.ts";
import type { Certificates } from "../../src/haproxy/tls.ts";

const network = { bridge: "incusbr0", gateway: "10.77.0.1/24" };
const brought: Certificates = { kind: "brought", fingerprint: "0123456789abcdef" };
const issued: Certificates = {
  kind: "issued",
  primaryNames: ["veza.test", "talas.test"],
  challenge: { address: "127.0.0.1", port: 8888 },
  metricsPort: 8889,
};
const noServers: Pools = { api_pool: [], stream_pool: [] };
const labPools: Pools = {
  api_pool: [1, 2].map((id) => server(`backend-api-${String(id)}`, id, 20 + id, 8080)),
  stream_pool: [1, 2].map((id) => server(`stream-server-${String(id)}`, id, 30 + id, 8082)),
};

describe("haproxy.cfg, whole", () => {
  it("of a lab: HTTP, two fleets", () => {
    expect(document({}, labPools)).toMatchSnapshot();
  });

  it("with TLS, everything tuned, and lines of the user's own in every section", () => {
    const config = {
      ports: { http: 8000, https: 8443, stats: 9999 },
      cookie: { name: "SHARD" },
      routes: { stream: { prefix: "/media/hls/" } },
      healthChecks: { intervalSeconds: 10, fastIntervalSeconds: 2, fall: 5, rise: 1, timeoutMs: 1500 },
      timeouts: { connectMs: 250, tunnelSeconds: 7200 },
      limits: { connections: 500, headerBytes: 32768, oldWorkers: 5, oldWorkerSeconds: 60 },
      slowStartSeconds: 10,
      tls: { certificate: "edge.pem", hstsSeconds: 300 },
      extraConfig: {
        global: "tune.maxaccept 64",
        defaults: "option tcp-smart-accept\n\n# why not\noption tcp-smart-connect\n",
        frontends: "http-request deny if { path /private }\n",
        api_pool: "http-request set-header X-Pool api\n",
        stream_pool: "http-request set-header X-Pool stream\n",
        sections: "backend spare\n    http-request return status 204\n",
      },
    };
    expect(document(config, labPools, brought)).toMatchSnapshot();
  });

  it("with certificates that are issued in the container, published at ports of the host", () => {
    const publish = [{ address: "127.0.0.1", http: 8080, https: 8443 }];
    const instances = [{ address: "10.77.0.10", publish }];
    expect(document({ instances }, labPools, issued)).toMatchSnapshot();
  });

  it("of a load balancer alone: static servers instead of fleets", () => {
    const staticServers = {
      api_pool: [
        { id: 2, address: "192.0.2.12", port: 8080 },
        { id: 1, name: "old-api", address: "192.0.2.11", port: 8080 },
      ],
      stream_pool: [{ id: 7, address: "192.0.2.21", port: 8082 }],
    };
    expect(document({ staticServers }, noServers)).toMatchSnapshot();
  });

  it("without any server", () => {
    expect(document({}, noServers)).toMatchSnapshot();
  });
});

describe("the other files", () => {
  it("are those of a release, the unit, and its control script with what that is made of", () => {
    const files = renderHaproxy(model({}, labPools));
    expect(files.map(({ path, mode, owner }) => [path, mode, owner])).toEqual([
      ["/etc/haproxy/current/haproxy.cfg", "0640", "root:root"],
      ["/etc/haproxy/current/errors/503.http", "0644", "root:root"],
      ["/etc/haproxy/current/errors/maintenance.html", "0644", "root:root"],
      ["/etc/systemd/system/haproxy.service.d/veza.conf", "0644", "root:root"],
      ["/etc/systemd/system/veza-access-log.socket", "0644", "root:root"],
      ["/etc/systemd/system/veza-access-log.service", "0644", "root:root"],
      ["/usr/local/lib/veza/access-log", "0755", "root:root"],
      ["/usr/local/lib/veza/haproxy.d/socket.sh", "0644", "root:root"],
      ["/usr/local/lib/veza/haproxy.d/state.sh", "0644", "root:root"],
      ["/usr/local/lib/veza/haproxy.d/files.sh", "0644", "root:root"],
      ["/usr/local/lib/veza/haproxy-control", "0755", "root:root"],
    ]);
    for (const { content } of files) expect(content).toMatch(/[^\n]\n$/);
  });

  it("say how much of the access log is kept", () => {
    const reader = (config: object) =>
      renderHaproxy(model(config, labPools)).find(({ path }) => path.endsWith("/veza-access-log.service"))
        ?.content;
    expect(reader({})).toContain("access-log /var/log/haproxy/access.log 15 67108864\n");
    expect(reader({ accessLog: { keepMiB: 16 } })).toContain(" 15 1048576\n");
  });

  it("come with the addresses that have to answer after a push", () => {
    const probes = (config: object, certificates?: Certificates) =>
      haproxyUnit(model(config, labPools, certificates)).followUp?.parameters?.["PROBES"];
    expect(probes({})).toBe("http:80:/.well-known/veza-edge http:9100:/stats;csv");
    for (const certificates of [brought, issued])
      expect(probes({}, certificates)).toBe(
        "http:80:/.well-known/veza-edge https:443:/.well-known/veza-edge http:9100:/stats;csv",
      );
  });
});

describe("HTTPS", () => {
  it("is not there without certificates", () => {
    expect(document({ tls: { hstsSeconds: 300 } }, labPools)).toBe(document({}, labPools));
  });

  it("is promised for two years where config says nothing else", () => {
    for (const [config, seconds] of [
      [{}, "63072000"],
      [{ tls: {} }, "63072000"],
      [{ tls: { hstsSeconds: 300 } }, "300"],
    ] as const)
      expect(document(config, labPools, issued)).toContain(`"max-age=${seconds}"`);
  });

  it("is another configuration with another list of certificates", () => {
    const without = { ...issued, primaryNames: ["veza.test"] };
    const changed = document({}, labPools, without).split("\n");
    expect(
      document({}, labPools, issued)
        .split("\n")
        .filter((one) => !changed.includes(one)),
    ).toEqual(["    # certificates: veza.test talas.test"]);
  });

  it("marks the cookie that config names, and no other one", () => {
    const text = document({ cookie: { name: "VEZA.ID" } }, labPools, brought);
    expect(text).toContain('replace-header Set-Cookie ^(VEZA[.]ID=.*) "\\1; Secure" if { ssl_fc }');
    expect(text).toContain("    cookie VEZA.ID insert indirect nocache httponly attr SameSite=Lax\n");
  });
});

describe("a redirect leads to HTTPS", () => {
  const at = (config: object): RedirectPort[] =>
    redirectPorts(loadBalancerSchema.parse(withInstance(config)));
  const instance = (...publish: object[]): object => ({ address: "10.77.0.10", publish });

  it("at 443, of which nothing needs to be said", () => {
    expect(at({})).toEqual([]);
    expect(
      at({ instances: [instance({ http: 80, https: 443 }, { address: "192.0.2.1", http: 80 })] }),
    ).toEqual([]);
  });

  it("at the port that is published beside the one that was asked", () => {
    expect(at({ instances: [instance({ http: 8080, https: 8443 })] })).toEqual([{ http: 8080, https: 8443 }]);
    expect(at({ instances: [instance({ http: 80, https: 8443 })] })).toEqual([{ http: 80, https: 8443 }]);
  });

  it("at the load balancer's own port for who asks it directly", () => {
    const ports = { http: 8000, https: 8001 };
    expect(at({ ports })).toEqual([{ http: 8000, https: 8001 }]);
    // Published at the usual ports, which are found without a word.
    expect(at({ ports, instances: [instance({ http: 80, https: 443 })] })).toEqual([
      { http: 8000, https: 8001 },
    ]);
    expect(at({ ports: { https: 8001 }, instances: [instance({ http: 80, https: 443 })] })).toEqual([]);
  });

  it("at the first of two ports that are published beside the same one", () => {
    const instances = [
      instance({ http: 8080, https: 8443 }),
      instance({ http: 8080, https: 9443 }, { https: 7443 }),
    ];
    expect(at({ instances })).toEqual([{ http: 8080, https: 8443 }]);
  });

  it("and one without a port was asked at 80", () => {
    const text = document({ instances: [instance({ http: 80, https: 8443 })] }, labPools, issued);
    expect(text).toMatch(
      /redirect prefix https:\/\/%\[var\(txn\.host\)\]:8443 .* { req\.hdr\(host\),port_only 0 80 }\n/,
    );
  });
});

describe("the CA's requests", () => {
  const lines = (frontends: string, certificates: Certificates): string[] =>
    document({ extraConfig: { frontends } }, labPools, certificates)
      .split("\n")
      .map((one) => one.trim());
  const allowed = "http-request allow if { path_beg /.well-known/acme-challenge/ }";
  const routed = "use_backend letsencrypt_backend if { path_beg /.well-known/acme-challenge/ }";

  it("come before redirects and whatever a user's own lines refuse or route", () => {
    const own =
      "http-request deny if { path_beg /.well-known/ }\n# Another machine's.\nuse_backend spare if { hdr(host) -i spare.test }";
    const text = lines(own, issued);
    const order = [
      allowed,
      "http-request redirect prefix https://%[var(txn.host)] code 301 if !{ ssl_fc } { var(txn.https) -m found }",
      "http-request deny if { path_beg /.well-known/ }",
      routed,
      "# Another machine's.",
      "use_backend spare if { hdr(host) -i spare.test }",
      "use_backend stream_pool if { path_beg /stream/ }",
    ].map((line) => text.indexOf(line));
    expect(order).not.toContain(-1);
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });

  it("do not depend on a condition in the user's lines", () => {
    const text = lines(".if defined(SPARE)\nuse_backend spare\n.endif", issued);
    expect(text.indexOf(routed)).toBeLessThan(text.indexOf(".if defined(SPARE)"));
    expect(text.indexOf(routed)).toBeGreaterThan(-1);
  });

  it("are nothing special where a certificate is brought", () => {
    expect(lines("", brought).filter((one) => one.includes("acme-challenge"))).toEqual([]);
  });
});

describe("a server", () => {
  it("keeps its line when others come and go, whatever their order", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 200 }), { minLength: 2, maxLength: 12 }),
        (ids) => {
          const servers = ids.map((id) => server(`s${String(id)}`, id, id, 8080));
          const [, ...rest] = servers;
          const before = serverLines({ api_pool: servers, stream_pool: servers });
          const after = serverLines({ api_pool: [...rest].reverse(), stream_pool: rest });
          const gone = new RegExp(` s${String(ids[0])} `);
          expect(after).toEqual(before.filter((line) => !gone.test(line)));
        },
      ),
    );
  });

  it("of a fleet is not mixed with static ones", () => {
    const staticServers = { api_pool: [{ id: 9, address: "192.0.2.9", port: 1 }], stream_pool: [] };
    expect(document({ staticServers }, labPools)).not.toContain("192.0.2.9");
  });
});

describe("text from config", () => {
  it("cannot begin a line of its own, except in extraConfig", () => {
    const lineBreaks = fc.constantFrom("\n", "\r", "\r\n", "\u0000", " ", '"', "#", "\\");
    const strings = fc.tuple(fc.string(), lineBreaks, fc.string()).map((parts) => parts.join(""));
    fc.assert(
      fc.property(strings, (text) => {
        for (const config of [
          { cookie: { name: text } },
          { routes: { stream: { prefix: `/${text}/` } } },
          { healthChecks: { paths: { api_pool: `/${text}` } } },
          { staticServers: { api_pool: [{ id: 1, name: text, address: "192.0.2.1", port: 1 }] } },
          { staticServers: { api_pool: [{ id: 1, address: text, port: 1 }] } },
        ]) {
          expect(loadBalancerSchema.safeParse(withInstance(config)).success).toBe(false);
        }
      }),
    );
  });

  it("keeps every other line as it was when it stands in extraConfig", () => {
    const plain = document({}, labPools).split("\n");
    fc.assert(
      fc.property(fc.string().filter(isConfigText), (text) => {
        const lines = document({ extraConfig: { defaults: text, api_pool: text } }, labPools).split("\n");
        let next = 0;
        for (const line of lines) if (line === plain[next]) next++;
        expect(next).toBe(plain.length);
      }),
    );
  });

  it("may not hold control characters", () => {
    for (const character of ["\u0000", "\r", "\u001b", "\u007f", "\u0085", "\ud800"]) {
      expect(isConfigText(`option${character}httplog`)).toBe(false);
    }
    expect(isConfigText("option httplog\n\tretries 2 # für alle\n")).toBe(true);
  });
});

describe("config mistakes", () => {
  it("are reported together, each with its place", () => {
    const result = loadBalancerSchema.safeParse({
      instances: [{ address: "10.77.0.300" }],
      ports: { http: 80, stats: 80 },
      healthChecks: { intervalSeconds: 1, fastIntervalSeconds: 2 },
      staticServers: {
        api_pool: [
          { id: 1, address: "192.0.2.1", port: 80 },
          { id: 1, address: "192.0.2.1", port: 80 },
        ],
      },
      timeout: 3,
    });
    const places = result.error?.issues.map((issue) =>
      [...issue.path, ...("keys" in issue ? issue.keys : [])].join("."),
    );
    expect(places?.sort()).toEqual([
      "healthChecks.fastIntervalSeconds",
      "instances.0.address",
      "ports.stats",
      "staticServers.api_pool.1.address",
      "staticServers.api_pool.1.id",
      "staticServers.api_pool.1.name",
      "timeout",
    ]);
  });

  it("are an access log that could fill a container's disk", () => {
    const problems = (keepMiB: number): string[] => {
      const instances = [{ address: "10.77.0.10", limits: { rootGiB: 2 } }];
      const { error } = loadBalancerSchema.safeParse({ instances, accessLog: { keepMiB } });
      return (error?.issues ?? []).map(({ path, message }) => `${path.join(".")} ${message}`);
    };
    expect(problems(1_024)).toEqual([]);
    expect(problems(1_025)).toEqual([
      "accessLog.keepMiB is more than half of the root disk of haproxy (2 GiB): a log must not fill it",
    ]);
  });
});

function server(name: string, id: number, lastOctet: number, port: number): PoolServer {
  return { id, name, address: `10.77.0.${String(lastOctet)}`, port, agentPort: 8079 };
}

function withInstance(config: object): object {
  return { instances: [{ address: "10.77.0.10" }], ...config };
}

function isConfigText(text: string): boolean {
  return loadBalancerSchema.safeParse(withInstance({ extraConfig: { defaults: text, api_pool: text } }))
    .success;
}

function model(config: object, pools: Pools, certificates?: Certificates) {
  const parsed: LoadBalancerConfig = loadBalancerSchema.parse(withInstance(config));
  return loadBalancerModel(parsed, pools, network, certificates);
}

function document(config: object, pools: Pools, certificates?: Certificates): string {
  return renderHaproxy(model(config, pools, certificates))[0]?.content ?? "";
}

function serverLines(pools: Pools): string[] {
  return document({}, pools)
    .split("\n")
    .filter((line) => /^ +(server|ignore-persist) /.test(line));
}
