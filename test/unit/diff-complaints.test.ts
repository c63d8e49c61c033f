import { describe, expect, it } from "@jest/globals";
import { complaints } from "../../src/ops/diff/check/haproxy.ts";

const path = "/etc/haproxy/current/haproxy.cfg";
const text = `global
    maxconn 10

frontend edge
    bind :80
    # veza-edge:loadBalancer.extraConfig.frontends
    http-request set-heeder X y

backend api_pool
    banlance roundrobin
`;

function of(...lines: readonly string[]): ReturnType<typeof complaints> {
  return complaints(lines.join("\n"), text, { container: "haproxy" });
}

describe("what HAProxy complains about", () => {
  it("is shown with the line, and with the config key where a user wrote it", () => {
    expect(
      of(
        "[NOTICE]   (7) : haproxy version is 3.0.11",
        `[ALERT]    (7) : config : parsing [${path}:7] : 'http-request' expects 'allow', 'deny', but got 'set-heeder'.`,
        `[ALERT]    (7) : config : parsing [${path}:10] : unknown keyword 'banlance' in 'backend' section`,
        `[ALERT]    (7) : config : Error(s) found in configuration file : ${path}`,
      ),
    ).toEqual([
      {
        container: "haproxy",
        path,
        line: 7,
        message:
          "http-request set-heeder X y (from veza-edge:loadBalancer.extraConfig.frontends)\n'http-request' expects 'allow', 'deny', but got 'set-heeder'.",
      },
      {
        container: "haproxy",
        path,
        line: 10,
        message: "banlance roundrobin\nunknown keyword 'banlance' in 'backend' section",
      },
    ]);
  });

  it("is shown whole when it names no line", () => {
    expect(of("[NOTICE]   (7) : path is /usr/sbin/haproxy", "[ALERT]    (7) : config : no frontend")).toEqual(
      [{ container: "haproxy", path, message: "[ALERT]    (7) : config : no frontend" }],
    );
  });

  it("is never nothing, when it failed without a word", () => {
    expect(of("").map(({ message }) => message)).toEqual(["haproxy -c failed, and said nothing"]);
  });

  it("is nothing, when only the machine that checks has no network", () => {
    expect(
      of(
        "[WARNING]  (7) : config : resolvers 'bridge': can't connect socket for nameserver 'bridge'.",
        "[ALERT]    (7) : config : Some warnings were found and 'zero-warning' is set. Aborting.",
      ),
    ).toEqual([]);
  });
});
