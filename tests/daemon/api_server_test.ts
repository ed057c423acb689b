import assert from "node:assert/strict";
import { ApiServer } from "../../src/daemon/api_server.ts";
import { listen } from "../support/sockets.ts";

const log = () => {};

async function ask(url: string): Promise<string> {
  const response = await fetch(url);
  return `${response.status} ${await response.text()}`;
}

Deno.test("requests wait until the server is open", async () => {
  const server = await ApiServer.listen("127.0.0.1:0", { log });
  const { url } = server;
  const first = ask(url);
  server.open(() => new Response("one"));
  assert.equal(await first, "200 one");
  assert.equal(await ask(url), "200 one");
  await server.close(1000);
  await assert.rejects(ask(url), TypeError);
});

Deno.test("a request that has waited in vain is refused when the server closes", async () => {
  const server = await ApiServer.listen("127.0.0.1:0", { log });
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  await new Promise((resolve) => setImmediate(resolve)); // the request has come, or comes to nobody
  await server.close(1000);
  const buffer = new Uint8Array(100);
  const length = await connection.read(buffer);
  if (length !== null) assert.match(new TextDecoder().decode(buffer.subarray(0, length)), /^HTTP\/1\.1 503 /);
  connection.close();
});

Deno.test("a server proves its own addresses, and localhost unless another program has the other one", async () => {
  const server = await ApiServer.listen("127.0.0.1:0", { log });
  const { port } = server;
  assert.deepEqual([...server.provable].sort(), [`127.0.0.1:${port}`, `[::1]:${port}`, `localhost:${port}`]);
  await server.close(1000);
  using stranger = listen(0, "::1");
  const other = await ApiServer.listen(`127.0.0.1:${stranger.port}`, { log });
  assert.equal(other.contested, `[::1]:${stranger.port}`);
  assert.deepEqual([...other.provable], [`127.0.0.1:${stranger.port}`]);
  await other.close(1000);
});
