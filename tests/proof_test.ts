/** The proof that a peer knows the token: the text that is signed, and who is given the token. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { PortdClient, UnprovenPeerError } from "../src/client/client.ts";
import { socketTransport } from "../src/client/socket_transport.ts";
import { challenge, proofOf } from "../src/proof.ts";
import { FAKE_TOKEN, FakeDaemon } from "./support/fake_daemon.ts";

const NONCE = "0".repeat(64);

Deno.test("a proof is the HMAC of the address and the nonce with the token", async () => {
  const expected = createHmac("sha256", "secret").update(`portd-proof-1\n127.0.0.1:7678\n${NONCE}`).digest("hex");
  assert.equal(await proofOf({ token: "secret", address: "127.0.0.1:7678", nonce: NONCE }), expected);
});

Deno.test("a challenge takes the proof of its own token, address and nonce, and nothing else", async () => {
  const { path, isProvenBy } = challenge(FAKE_TOKEN, "LOCALHOST:7678");
  const nonce = path.replace("/v1/proof?nonce=", "");
  assert.match(nonce, /^[0-9a-f]{64}$/);
  assert.notEqual(challenge(FAKE_TOKEN, "localhost:7678").path, path);
  const subject = { token: FAKE_TOKEN, address: "localhost:7678", nonce };
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
  const connect = ({ url }: FakeDaemon) => new PortdClient({ url, token: FAKE_TOKEN, ...options() });

  Deno.test(`a peer that does not know the token receives no request with it (over ${way})`, async () => {
    await using daemon = new FakeDaemon();
    for (const token of [null, "another".repeat(9)]) {
      daemon.provenToken = token;
      for (const ask of [() => connect(daemon).stop(), () => connect(daemon).events().next()]) {
        await assert.rejects(ask(), UnprovenPeerError);
      }
    }
    assert.deepEqual(daemon.requests, []);
  });

  Deno.test(`a peer proves itself before each request with the token (over ${way})`, async () => {
    await using daemon = new FakeDaemon();
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
    assert.deepEqual([daemon.requests.length, daemon.proofsAsked], [3, 3]);
    await new PortdClient({ url: daemon.url, ...options() }).status();
    assert.equal(daemon.proofsAsked, 3);
  });
}

Deno.test("over sockets the proof and the request with the token share one connection", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`;
  const client = new PortdClient({ url, token: FAKE_TOKEN, transport: socketTransport() });
  const stopped = client.stop();
  using connection = await listener.accept();
  const nonce = /nonce=([0-9a-f]+)/.exec(await readRequest(connection))![1]!;
  const proof = await proofOf({ token: FAKE_TOKEN, address: new URL(url).host, nonce });
  await writeAnswer(connection, JSON.stringify({ proof }));
  assert.match(await readRequest(connection), /^POST \/v1\/stop .*authorization: Bearer f{64}\r\n/s);
  await writeAnswer(connection, JSON.stringify({ status: "stopping" }));
  await stopped;
});

Deno.test("over sockets a peer that closes after the proof gets no second connection", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`;
  const client = new PortdClient({ url, token: FAKE_TOKEN, transport: socketTransport() });
  const stopped = assert.rejects(client.stop(), /Cannot talk to portd at/);
  const connection = await listener.accept();
  const nonce = /nonce=([0-9a-f]+)/.exec(await readRequest(connection))![1]!;
  const proof = await proofOf({ token: FAKE_TOKEN, address: new URL(url).host, nonce });
  await writeAnswer(connection, JSON.stringify({ proof }));
  connection.close();
  await stopped;
});

/** One request without a body, or with one of `{}`, as it comes in one piece over loopback. */
async function readRequest(connection: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(4096);
  let text = "";
  while (!text.includes("\r\n\r\n")) {
    const count = await connection.read(buffer);
    assert.ok(count !== null, "the connection ended");
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
  return text;
}

async function writeAnswer(connection: Deno.Conn, body: string): Promise<void> {
  const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  await connection.write(new TextEncoder().encode(head + body));
}
