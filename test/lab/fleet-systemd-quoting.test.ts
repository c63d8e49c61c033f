import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { commandLine, environmentLine } from "../../src/fleet/systemd-quoting.ts";
import { FleetLab } from "./fleet-lab.ts";

const name = "rolling-api-1";
let lab: FleetLab;
beforeAll(async () => {
  lab = await FleetLab.open();
  await lab.container(name, "app", "10.77.0.71");
}, 300_000);
afterAll(() => lab.close(), 60_000);

/** Texts made of what the grammars care about, next to anything else that config lets through. */
const nasty = fc.constantFrom(
  ...Array.from("\"'`\\$%{}[]#;=!@:+-|&*?~ "),
  "\\n",
  "\\x41",
  "${HOME}",
  "$$",
  "%n",
  "é",
  "🎵",
);
function texts(also: string): string[] {
  const character = fc.oneof(
    nasty,
    fc.constantFrom("", ...Array.from(also)),
    fc.string({ unit: "grapheme-composite", maxLength: 3 }),
  );
  return fc.sample(
    fc.array(character, { maxLength: 12 }).map((parts) => clean(parts.join(""), also)),
    300,
  );
}

/** Without what config refuses: control characters, but for those in `also`. */
function clean(text: string, also: string): string {
  return text.toWellFormed().replace(/\p{Cc}/gu, (c) => (also.includes(c) ? c : ""));
}

const readBack = (path: string) =>
  lab.shell(name, `base64 -w0 ${path}`).then((text) => Buffer.from(text, "base64").toString().split("\0"));

describe("what systemd understands", () => {
  it("is the environment that was written, whatever is in the values", async () => {
    const values = texts("\t\n\n").map((value, n) => [`V${String(n)}`, value] as const);
    await lab.write(
      name,
      "/etc/veza-trial.env",
      values.map(([variable, value]) => environmentLine(variable, value)).join(""),
    );
    await lab.shell(
      name,
      "systemd-run --quiet --wait -p EnvironmentFile=/etc/veza-trial.env -p StandardOutput=truncate:/root/environment /usr/bin/env -0",
    );
    const understood = (await readBack("/root/environment")).filter((line) => /^V\d/.test(line));
    expect(understood).toEqual(values.map(([variable, value]) => `${variable}=${value}`));
  }, 60_000);

  it("is the command that was written, word for word", async () => {
    const words = texts("").filter((word) => word !== "");
    const unit = `[Service]\nType=oneshot\nStandardOutput=truncate:/root/words\nExecStart=${commandLine(["/usr/bin/printf", "%s\\0", ...words])}\n`;
    await lab.write(name, "/run/systemd/system/veza-trial.service", unit);
    await lab.shell(name, "systemctl daemon-reload; systemctl start veza-trial");
    expect(await readBack("/root/words")).toEqual([...words, ""]);
  }, 60_000);
});
