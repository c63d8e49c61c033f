import { describe, expect, it } from "@jest/globals";
import { insideDrift } from "../../src/ops/drift/inside-drift.ts";
import { insideQuestion } from "../../src/ops/drift/question.ts";
import { readInside, type SeenInside } from "../../src/ops/drift/seen.ts";
import { wantedOf } from "../../src/ops/drift/wanted.ts";
import { appliedTo, container, file, unit } from "./drift-sight.ts";

const seenIn = (text: string): SeenInside => readInside({ exitCode: 0, isWhole: true, text, complaint: "" });

describe("a release that was unpacked", () => {
  const sha256 = `${"0123456789ab".repeat(5)}0123`;
  const archive = wantedOf(
    appliedTo(
      container("api-1"),
      unit("api-1", {
        ...{ unit: "application", files: [] },
        followUp: {
          script: "follow_up() { place; }\n",
          parameters: { APP: "api", INSTANCE: "api-1", ARTIFACT_NAME: "api.tar.gz", ARTIFACT_SHA256: sha256 },
        },
      }),
    ).recorded,
  ).containers[0];
  const directory = "/opt/veza/api/releases/0123456789ab";
  const found = (printed: string): string[] => {
    if (archive === undefined) throw new Error("there is no container");
    const said = `=== links\n/opt/veza/api/current|releases/0123456789ab\n=== release ${directory}\n${printed}`;
    return insideDrift("this machine", archive, seenIn(said)).map(
      ({ kind, subject, says }) => `${kind} ${subject.replace("/opt/veza/api/", "")}: ${says}`,
    );
  };

  it("is asked for by the list that was made of it", () => {
    const asked = archive && insideQuestion(archive);
    expect(asked?.parameters["RELEASES"]).toBe(directory);
    expect(asked?.script).toContain("\ncontents_of() {");
    expect(found("")).toEqual([]);
  });

  it("tells what was edited, added and removed, each by its path", () => {
    const printed = [
      "<lib/a b.js\tcontent 00\n>lib/a b.js\tcontent 11",
      "<lib/b.js\tfile 644 root:root\n>lib/b.js\tfile 666 root:root",
      "<lib/c.js\tcontent 00\n<lib/c.js\tfile 644 root:root",
      ">lib/d.js\tcontent 00\n>lib/d.js\tfile 644 root:root",
      "<lib/e.js\tcontent 00\n<lib/e.js\tfile 644 root:root\n>lib/e.js\tlink to d.js",
    ];
    expect(found(printed.join("\n"))).toEqual([
      "release current/lib/a b.js: its content was changed",
      "release current/lib/b.js: it is now: file 666 root:root; deployed was: file 644 root:root",
      "release current/lib/c.js: it is not there",
      "release current/lib/d.js: nobody deployed it",
      "release current/lib/e.js: it is now: link to d.js; deployed was: file 644 root:root",
    ]);
  });

  it("does not fill the screen where all of it is gone, and says where nobody knows what it was", () => {
    const gone = Array.from({ length: 30 }, (_, n) => `<${String(n)}.js\tcontent 00`).join("\n");
    expect(found(gone)).toHaveLength(21);
    expect(found(gone).at(-1)).toBe("release current: 10 more in it at least are not as they were deployed");
    expect(found("absent")).toEqual(["release current: the deployed release is not there"]);
    expect(found("unlisted")).toEqual([expect.stringContaining("nobody knows what was changed")]);
  });
});

describe("a database node", () => {
  const node = wantedOf(
    appliedTo(
      container("pg-1"),
      unit("pg-1", { unit: "postgres", files: [file("/etc/postgresql/veza/pg_hba.conf", "local all\n")] }),
    ).recorded,
  ).containers[0];
  const masked = ["postgresql", "pgbouncer"]
    .map((name) => `Id=${name}.service\nLoadState=masked\n`)
    .join("\n");
  const found = (role: string, printed: string): string[] => {
    if (node === undefined) throw new Error("there is no node");
    const details = JSON.stringify({ node: "pg-1", role, state: role });
    const said = `=== stat\nregular file|644|root:root|100|/etc/postgresql/veza/pg_hba.conf\n=== services\n${masked}\n=== details\n${details}\n=== differs\n${printed}\nend\n`;
    return insideDrift("this machine", node, seenIn(said)).map(
      ({ kind, subject, says, mends }) => `${kind} ${subject}: ${says}${mends.length > 0 ? "" : " (!)"}`,
    );
  };

  it("runs with its files, once it has read them after they were written", () => {
    expect(found("primary", "read|100|")).toEqual([]);
    expect(found("primary", "read|99|")).toEqual([
      expect.stringMatching(/^running \/etc\/postgresql\/veza\/pg_hba\.conf: it was written after/),
    ]);
  });

  it("has settings of ALTER SYSTEM, and some that wait for a restart, which only a standby gets", () => {
    const printed = "altered|work_mem|1|GB\naltered|port|6000\nwaiting|port|\nwaiting|max_wal_senders|";
    expect(found("primary", printed)).toEqual([
      "setting work_mem: ALTER SYSTEM has set it to 1|GB",
      "setting port: ALTER SYSTEM has set it to 6000",
      "setting max_wal_senders: Postgres goes on with its old value until it is restarted: bin/veza flip-db, then systemctl restart veza-postgres in pg-1 (!)",
    ]);
    expect(found("standby", "waiting|max_wal_senders|")).toEqual([
      "setting max_wal_senders: Postgres goes on with its old value until it is restarted",
    ]);
  });

  it("has roles and databases otherwise than applied, and a superuser that takes a person", () => {
    const printed =
      "role|veza_a|it is CREATEDB, applied was NOCREATEDB\ndatabase|veza|it lets nobody connect\nsuperuser|me|";
    expect(found("primary", printed)).toEqual([
      "role veza_a: it is CREATEDB, applied was NOCREATEDB",
      "database veza: it lets nobody connect",
      expect.stringMatching(/^role me: it is a superuser that nobody applied: .* \(!\)$/),
    ]);
  });

  it("is told apart from one that did not say everything", () => {
    const silent = (printed: string) => seenIn(`=== differs\n${printed}`).database?.silent;
    expect(silent("read|1|\nend")).toBeUndefined();
    expect(silent("read|1|\npsql: error: no")).toBe("psql: error: no");
  });
});
