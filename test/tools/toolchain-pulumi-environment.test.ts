import { describe, expect, it } from "@jest/globals";

import { readCall } from "../../src/ops/pulumi/arguments.ts";
import {
  credentialsDir,
  isLab,
  labPassphrase,
  pulumiEnvironment,
  type Circumstances,
} from "../../src/ops/pulumi/environment.ts";
import { keepText } from "../../src/ops/pulumi/stack-init.ts";

const localBackend = "file:///home/op/.local/state/veza-edge/pulumi";

function circumstances(changed: Partial<Circumstances>): Circumstances {
  return {
    env: { PATH: "/usr/bin", EDITOR: "vi" },
    home: "/home/op",
    path: ["/cache/cli", "/cache/node"],
    pulumiHome: "/cache/home",
    loggedInTo: undefined,
    stack: "lab",
    command: "up",
    ...changed,
  };
}

function environmentOf(changed: Partial<Circumstances>) {
  const made = pulumiEnvironment(circumstances(changed));
  if ("refusal" in made) throw new Error(made.refusal);
  return made;
}

function refusalOf(changed: Partial<Circumstances>): string {
  const made = pulumiEnvironment(circumstances(changed));
  return "refusal" in made ? made.refusal : "not refused";
}

describe("the environment of Pulumi", () => {
  it("has the lab's own backend and passphrase, and the user's login and variables", () => {
    expect(environmentOf({})).toEqual({
      backend: localBackend,
      env: {
        EDITOR: "vi",
        PATH: "/cache/cli:/cache/node:/usr/bin",
        PULUMI_BACKEND_URL: localBackend,
        PULUMI_CONFIG_PASSPHRASE: labPassphrase,
        PULUMI_CREDENTIALS_PATH: "/home/op/.pulumi",
        PULUMI_HOME: "/cache/home",
        PULUMI_PARALLEL: "8",
        PULUMI_SKIP_UPDATE_CHECK: "true",
      },
    });
  });

  it("keeps the lab's state where XDG_STATE_HOME says", () => {
    expect(environmentOf({ env: { XDG_STATE_HOME: "/state" } }).backend).toBe(
      "file:///state/veza-edge/pulumi",
    );
  });

  it("leaves a backend that the user chose alone", () => {
    const chosen = environmentOf({ env: { PULUMI_BACKEND_URL: "s3://states" } });
    expect(chosen.backend).toBe("s3://states");
    expect(chosen.env["PULUMI_BACKEND_URL"]).toBe("s3://states");
    const login = environmentOf({ loggedInTo: "https://api.example.com" });
    expect(login.backend).toBe("https://api.example.com");
    expect(login.env["PULUMI_BACKEND_URL"]).toBeUndefined();
  });

  it("lets `login` and `logout` choose for themselves", () => {
    expect(environmentOf({ command: "login", stack: undefined }).env["PULUMI_BACKEND_URL"]).toBeUndefined();
  });

  it("leaves a passphrase that the user chose alone, also one in a file", () => {
    expect(environmentOf({ env: { PULUMI_CONFIG_PASSPHRASE: "own" } }).env["PULUMI_CONFIG_PASSPHRASE"]).toBe(
      "own",
    );
    const file = environmentOf({ env: { PULUMI_CONFIG_PASSPHRASE_FILE: "/p" } }).env;
    expect(file["PULUMI_CONFIG_PASSPHRASE"]).toBeUndefined();
  });

  it("gives no stack but the lab a passphrase", () => {
    const env = { PULUMI_BACKEND_URL: "file:///elsewhere" };
    expect(environmentOf({ stack: "prod", env }).env["PULUMI_CONFIG_PASSPHRASE"]).toBeUndefined();
    expect(environmentOf({ stack: undefined, env }).env["PULUMI_CONFIG_PASSPHRASE"]).toBeUndefined();
  });

  it("refuses the local backend for every stack but the lab, also when it is named", () => {
    expect(refusalOf({ stack: "prod" })).toContain("stack prod has no backend");
    expect(refusalOf({ stack: "prod" })).toContain("export PULUMI_BACKEND_URL=URL");
    expect(refusalOf({ stack: "prod", env: { PULUMI_BACKEND_URL: localBackend } })).toContain(
      "stack prod has no backend",
    );
    expect(refusalOf({ stack: "prod", env: { PULUMI_BACKEND_URL: "file:///elsewhere" } })).toBe(
      "not refused",
    );
    expect(refusalOf({ stack: "prod", loggedInTo: "https://api.example.com" })).toBe("not refused");
  });

  it("refuses the lab's passphrase for every other stack", () => {
    const env = { PULUMI_BACKEND_URL: "file:///elsewhere", PULUMI_CONFIG_PASSPHRASE: labPassphrase };
    expect(refusalOf({ stack: "staging", env })).toContain(
      "stack staging would be encrypted with the lab's passphrase",
    );
    expect(refusalOf({ stack: "lab", env })).toBe("not refused");
  });

  it.each([
    [{}, "/home/op/.pulumi"],
    [{ PULUMI_HOME: "/pulumi" }, "/pulumi"],
    [{ PULUMI_HOME: "/pulumi", PULUMI_CREDENTIALS_PATH: "/login" }, "/login"],
  ])("with %j finds and leaves the user's login in %s", (env, directory) => {
    expect(credentialsDir(env, "/home/op")).toBe(directory);
    expect(environmentOf({ env }).env["PULUMI_CREDENTIALS_PATH"]).toBe(directory);
  });

  it.each(["lab", "lab-1", "lab-ssh-2"])("counts %s as lab", (stack) => {
    expect(isLab(stack)).toBe(true);
  });

  it.each(["prod", "labor", "lab_1", "prelab", "lab-", "lab-1.prod"])("does not count %s as lab", (stack) => {
    expect(isLab(stack)).toBe(false);
  });
});

describe("the arguments of a call", () => {
  it.each([
    [["up", "--stack", "lab"], { command: "up", stack: "lab" }],
    [["up", "--stack=lab", "--yes"], { command: "up", stack: "lab" }],
    [["-s", "org/veza-edge/prod", "preview"], { command: "preview", stack: "prod" }],
    [["up", "-slab"], { command: "up", stack: "lab" }],
    [["-C", "/srv", "up"], { command: "up", cwd: "/srv", stack: undefined }],
    [["--cwd=/srv", "up"], { command: "up", cwd: "/srv" }],
    [["stack", "init", "prod"], { command: "stack", subcommand: "init", stack: "prod" }],
    [["stack", "rm", "--yes", "prod"], { command: "stack", subcommand: "rm", stack: "prod" }],
    [["stack", "output", "prod"], { command: "stack", subcommand: "output", stack: undefined }],
    [
      ["config", "set", "x", "--", "--stack=prod"],
      { command: "config", subcommand: "set", stack: undefined },
    ],
    [["up", "--help"], { command: "up", help: true }],
    [["up", "--preview-only"], { command: "up", previewOnly: true }],
    [["up", "--stack", "lab", "-v=9"], { stack: "lab", debug: true }],
    [["up", "-v", "9", "--stack", "lab"], { stack: "lab", debug: true }],
    [["--verbose=9", "up"], { command: "up", debug: true }],
    [["up", "--debug"], { command: "up", debug: true }],
    [["up", "--diff"], { command: "up", debug: false }],
    [["config", "set", "x", "--", "-d"], { command: "config", debug: false }],
    [[], { command: "", subcommand: "" }],
  ])("%j", (args, expected) => {
    expect(readCall(args)).toMatchObject(expected);
  });
});

describe("the file of a stack that is created", () => {
  const before = "# The lab.\nconfig:\n    veza-edge:incus:   # indented by four\n    - lab\n";
  const rewritten =
    "# The lab.\nconfig:\n  veza-edge:incus: # indented by four\n    - lab\nencryptionsalt: v1:abc\n";

  it("keeps its text and gains the salt", () => {
    expect(keepText(before, rewritten)).toBe(`${before}encryptionsalt: v1:abc\n`);
  });

  it("is not changed at all when it has its salt", () => {
    expect(keepText(`${before}encryptionsalt: v1:abc\n`, rewritten)).toBe(
      `${before}encryptionsalt: v1:abc\n`,
    );
  });

  it("may lack its last newline, or be empty", () => {
    expect(keepText("config: {}", "config: {}\nencryptionsalt: v1:abc\n")).toBe(
      "config: {}\nencryptionsalt: v1:abc\n",
    );
    expect(keepText("", "encryptionsalt: v1:abc\n")).toBe("encryptionsalt: v1:abc\n");
  });
});
