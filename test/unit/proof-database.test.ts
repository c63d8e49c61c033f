import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "@jest/globals";
import { proveDatabase } from "../../src/ops/proof/database-proof.ts";

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** What is seen of an API whose instances answer in turn, each as told. */
async function seenOf(answer: (instance: string, method: string) => [status: number, body: object]) {
  let requests = 0;
  const listener: RequestListener = (request, response) => {
    requests++;
    const [status, body] = answer(`api-${String((requests % 2) + 1)}`, request.method ?? "");
    response.statusCode = status;
    response.end(JSON.stringify(body));
  };
  const listening = createServer(listener);
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  const { port } = listening.address() as AddressInfo;
  const baseUrl = `http://127.0.0.1:${String(port)}`;
  return proveDatabase({ baseUrl, notesPath: "/notes", instances: ["api-1", "api-2"] });
}

it("has every instance read the row that one of them wrote", async () => {
  const claim = await seenOf((instance, method) =>
    method === "POST" ? [201, { instance, note: { id: 7 } }] : [200, { instance, notes: [{ id: 7 }] }],
  );
  expect(claim).toMatchObject({ holds: true, seen: "row 7 written by api-2, read by api-1, api-2" });
});

it("names the instance that does not find the row", async () => {
  const claim = await seenOf((instance, method) =>
    method === "POST"
      ? [201, { instance, note: { id: 7 } }]
      : [200, { instance, notes: instance === "api-1" ? [{ id: 6 }] : [{ id: 7 }] }],
  );
  expect(claim).toMatchObject({
    holds: false,
    seen: "row 7 written by api-2, read by api-2, not by api-1",
  });
});

it("says what the API said of a database that takes no writes", async () => {
  const claim = await seenOf(() => [503, { error: "the database: connection refused" }]);
  expect(claim).toMatchObject({ holds: false });
  expect(claim.seen).toContain('POST /notes gave 503: {"error":"the database: connection refused"}');
});
