/** The proof that a peer knows the token: the text that is signed, and who is given the token. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { PortdClient, UnprovenPeerError } from "../src/client/client.ts";
import { socketTransport } from "../src/client/socket_transport.ts";
import { challenge, proofOf } from "../src/proof.ts";
import { FakeDaemon, TOKEN } from "./support/fake_daemon.ts";
import { RawServer } from "./support/raw_server.ts";

const NONCE = "0".repeat(64);

Deno.test("a proof is the HMAC of the address and the nonce with the token", async () => {
  const expected = createHmac("sha256", "secret").update(`portd-proof-1\n127.0.0.1:7678\n${NONCE}`).digest("hex");
  assert.equal(await proofOf({ token: "secret", address: "127.0.0.1:7678", nonce: NONCE }), expected);
});

Deno.test("a challenge takes the proof of its own token, address and nonce, and nothing else", async () => {
  const { path, isProvenBy } = challenge(TOKEN, "LOCALHOST:7678");
  const nonce = path.replace("/v1/proof?nonce=", "");
  assert.match(nonce, /^[0-9a-f]{64}$/);
  assert.notEqual(challenge(TOKEN, "localhost:7678").path, path);
  const subject = { token: TOKEN, address: "localhost:7678", nonce };
  const answer = async (changes: Partial<typeof subject>) =>
    await isProvenBy(JSON.stringify({ proof: await proofOf({ ...subject, ...changes }) }));
  assert.equal(await answer({}), true);
  for (const changes of [{ token: "x" }, { address: "[::1]:7678" }, { nonce: NONCE }]) {
    assert.equal(await answer(changes), false);
  }
  for (const body of ["", "null", "7", "<h1>hello</h1>", "{}", JSON.stringify({ proof: nonce })]) {
    assert.equal(await isProvenBy(body), false, body);
  }
});

const WAYS = { fetch: () => ({}), sockets: () => ({ transport: socketTransport() }) };

for (const [way, options] of Object.entries(WAYS)) {
  const connect = ({ url }: FakeDaemon) => new PortdClient({ url, token: TOKEN, ...options() });

  Deno.test(`a peer that does not know the token receives no request with it (over ${way})`, async () => {
    await using daemon = await FakeDaemon.open();
    for (const token of [null, "another".repeat(9)]) {
      daemon.proveAs(token);
      for (const ask of [() => connect(daemon).stop(), () => connect(daemon).events().next()]) {
        await assert.rejects(ask(), UnprovenPeerError);
      }
    }
    assert.deepEqual(daemon.requests, []);
  });

  Deno.test(`a peer proves itself before each request with the token (over ${way})`, async () => {
    await using daemon = await FakeDaemon.open();
    const client = connect(daemon);
    await client.status();
    const stopping = new AbortController();
    let opened = 0;
    const onOpen = () => void daemon.grant({ name: `web-${++opened}` });
    for await (const event of client.events({ signal: stopping.signal, onOpen })) {
      if (event.type === "reset") continue;
      if (opened === 1) daemon.breakStreams();
      else stopping.abort();
    }
    assert.deepEqual([daemon.requests.length, daemon.proofs.length], [3, 3]);
    await new PortdClient({ url: daemon.url, ...options() }).status();
    assert.equal(daemon.proofs.length, 3);
  });
}

/** A peer that proves to know the token and answers what follows over the same connection, if that goes on. */
async function askProven(goesOn: boolean): Promise<{ readonly asked: readonly string[]; readonly stopped: boolean }> {
  const asked: string[] = [];
  await using server = new RawServer(async ({ method, path, headers }) => {
    asked.push(`${method} ${path.replace(/=.*/, "")} ${headers.get("authorization") ?? "without"}`);
    if (method === "POST") return Response.json({ status: "stopping" });
    const nonce = path.split("nonce=")[1]!, address = headers.get("host")!;
    const proof = JSON.stringify({ proof: await proofOf({ token: TOKEN, address, nonce }) });
    const head = `HTTP/1.1 200 X\r\nContent-Type: application/json\r\nContent-Length: ${proof.length}\r\n\r\n`;
    return goesOn ? Response.json(JSON.parse(proof)) : [head, proof];
  });
  const url = `http://127.0.0.1:${server.port}`;
  const stopping = new PortdClient({ url, token: TOKEN, transport: socketTransport() }).stop();
  const [{ status }] = await Promise.allSettled([stopping]);
  if (status === "rejected") await assert.rejects(stopping, /Cannot talk to portd at/);
  assert.equal(server.accepted, 1);
  return { asked, stopped: status === "fulfilled" };
}

Deno.test("over sockets the proof and the request with the token share one connection", async () => {
  const asked = ["GET /v1/proof?nonce without", `POST /v1/stop Bearer ${TOKEN}`];
  assert.deepEqual(await askProven(true), { asked, stopped: true });
});

Deno.test("over sockets a peer that closes after the proof gets no second connection", async () => {
  assert.deepEqual(await askProven(false), { asked: ["GET /v1/proof?nonce without"], stopped: false });
});
