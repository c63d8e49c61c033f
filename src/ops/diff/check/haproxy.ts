import { execa } from "execa";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { CannotCheck, said, type Checker, type Laid, type Problem } from "./checker.ts";

const configuration = "/etc/haproxy/current/haproxy.cfg";

/** The same question that push.sh asks in the container, before anything is changed there. */
export const haproxyChecker: Checker = {
  name: "HAProxy",
  program: "haproxy",
  versionWords: ["-v"],
  minimum: [3, 0],
  install: "Debian 13's package haproxy",
  matches: ({ path }) => path === configuration,
  async problems(laid, limitMs) {
    const text = laid.checked.find(({ path }) => path === configuration)?.content ?? "";
    await standIns(text, laid.root);
    const file = join(laid.root, configuration);
    await writeFile(file, moved(text, laid.root));
    const { text: answer, ok } = await said("haproxy", ["-c", "-dW", "-f", file], limitMs, {
      STATE_FILE: "/dev/null",
    });
    return ok ? [] : complaints(answer.replaceAll(laid.root, ""), text, laid);
  },
};

/** Paths that the container has for itself, below which this configuration names files. */
const own = /(?<=[\s"'(,=])(\/usr\/local\/etc\/|\/etc\/haproxy\/|\/etc\/veza\/)/g;

/** The configuration as it is read from another root, line for line, and by another user. */
function moved(text: string, root: string): string {
  const user = userInfo().username;
  return text
    .replaceAll(own, (path: string) => `${root}${path}`)
    .replace(/^(\s+user) haproxy$/m, `$1 ${user}`)
    .replace(/^\s+group haproxy$/m, "");
}

/** What others put into the container before its configuration comes: certificates, and maps that are filled at run time. */
async function standIns(text: string, root: string): Promise<void> {
  for (const [, path = ""] of text.matchAll(/\bcrt (\/\S+)/g)) {
    const file = path.endsWith(".pem") ? path : join(path, "stand-in.pem");
    if (existsSync(join(root, file))) continue;
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), await selfSigned());
  }
  for (const [, path = ""] of text.matchAll(/\bmap(?:_\w+)?\((\/[^,)]+)/g)) {
    if (existsSync(join(root, path))) continue;
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), "");
  }
}

let pem: Promise<string> | undefined;

/** A certificate with its key, that nobody sees: HAProxy starts no TLS listener without one. */
function selfSigned(): Promise<string> {
  const words = [
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-days",
    "1",
  ];
  pem ??= execa("openssl", [...words, "-subj", "/CN=stand-in", "-keyout", "-", "-out", "-"], {
    reject: false,
    stdin: "ignore",
  }).then(({ stdout, failed }) => {
    if (failed)
      throw new CannotCheck("openssl is not here to make a certificate that HAProxy can be checked with");
    return `${stdout}\n`;
  });
  return pem;
}

/** What it complains about, with the lines that it names and the config key of those that a user wrote. */
export function complaints(answer: string, text: string, { container }: Pick<Laid, "container">): Problem[] {
  const lines = text.split("\n");
  const found = answer.split("\n").flatMap((said): Problem[] => {
    const [, number = "", message = ""] = /\[[^\]]*haproxy\.cfg:(\d+)\]\s*:?\s*(.*)$/.exec(said) ?? [];
    if (number === "") return [];
    const line = Number(number);
    const source = lines[line - 1]?.trim() ?? "";
    const key = writtenBy(lines, line);
    const from = key === undefined ? "" : ` (from ${key})`;
    return [{ container, path: configuration, line, message: `${source}${from}\n${message}` }];
  });
  if (found.length > 0) return found;
  const left = answer.split("\n").filter((line) => line !== "" && !ofThisMachine.test(line));
  // That there were warnings is one of its messages, too.
  const says = left.filter((line) => !line.startsWith("[NOTICE]") && !line.includes("'zero-warning' is set"));
  if (says.length === 0 && ofThisMachine.test(answer)) return [];
  const message = says.length === 0 ? "haproxy -c failed, and said nothing" : says.join("\n");
  return [{ container, path: configuration, message }];
}

/** A warning about the machine that checks, which may have no network, and not about what is checked. */
const ofThisMachine = /resolvers '[^']*': can't connect socket for nameserver/;

/** The key of a stack's config that a line comes from; rendered lines say so in front. */
function writtenBy(lines: readonly string[], line: number): string | undefined {
  let key: string | undefined;
  for (const text of lines.slice(0, line)) {
    const [, said] = /^\s*# (veza-edge:\S+)/.exec(text) ?? [];
    if (said !== undefined) key = said;
    else if (/^[^\s#]/.test(text) && key?.endsWith("sections") !== true) key = undefined;
  }
  return key;
}
