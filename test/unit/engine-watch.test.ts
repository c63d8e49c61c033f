import { describe, expect, it } from "@jest/globals";
import { execa } from "execa";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";

const watch = fileURLToPath(new URL("../../src/engine-watch.ts", import.meta.url));

describe("a program whose engine is gone", () => {
  it("ends within seconds, and not before", async () => {
    const engine = createServer((socket) => socket.resume()).listen(0, "127.0.0.1");
    await once(engine, "listening");
    const { port } = engine.address() as AddressInfo;
    const script = `import(${JSON.stringify(watch)}).then((m) => m.endWithEngine()); setInterval(() => {}, 1000);`;
    const program = execa(process.execPath, ["-e", script, "--", "--engine", `127.0.0.1:${String(port)}`], {
      reject: false,
      timeout: 30_000,
    });
    let ended = false;
    void program.then(() => (ended = true));
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    expect(ended).toBe(false);
    engine.close();
    const { signal, timedOut } = await program;
    expect({ signal, timedOut }).toEqual({ signal: "SIGKILL", timedOut: false });
  }, 40_000);
});
