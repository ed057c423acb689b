/** A reader of events that does not read, over a real socket. */
import assert from "node:assert/strict";
import { LinuxCrowd } from "../../src/network/linux/crowd.ts";
import { openLibc } from "../../src/os/linux/libc.ts";
import { KEEP_ALIVE_MS } from "../../routes/event_readers.ts";
import { HOST, openTestApp, type TestApp } from "../support/app.ts";
import { linuxTest } from "../support/linux_only.ts";

/** So many events of this size are more than what sockets hold, and less than what is kept. */
const EVENTS = 9000, REASON = "x".repeat(700);
const PAUSE_MS = 100;

interface Served extends AsyncDisposable {
  readonly app: TestApp;
  readonly port: number;
  /** Resolves when the daemon has cut a connection. */
  readonly cut: Promise<void>;
}

async function serveApp(): Promise<Served> {
  const cut = Promise.withResolvers<void>();
  const crowd = new LinuxCrowd(openLibc(), () => {});
  const cutConnection = (peer: Deno.NetAddr) => {
    crowd.cut(peer);
    cut.resolve();
  };
  const app = await openTestApp({ replaced: { cutConnection } });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request, info) => {
    return app.fetch(request, info);
  });
  crowd.watch(server.addr.port);
  return {
    app,
    port: server.addr.port,
    cut: cut.promise,
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]();
      crowd.stop();
      await server.shutdown();
    },
  };
}

/** Asks for events over a connection of its own, and reads nothing. */
async function ask(port: number, path: string, lastEventId?: string): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const id = lastEventId === undefined ? "" : `Last-Event-ID: ${lastEventId}\r\n`;
  await connection.write(
    new TextEncoder().encode(`GET ${path} HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n${id}\r\n`),
  );
  return connection;
}

/** What the other end has sent until it ended the connection, without the marks between the pieces. */
async function rest(connection: Deno.TcpConn): Promise<string> {
  const decoder = new TextDecoder(), buffer = new Uint8Array(1 << 18);
  let text = "";
  for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
  connection.close();
  return text.slice(text.indexOf("\r\n\r\n") + 4).replaceAll(/(?:^|\r\n)[0-9a-f]+\r\n/g, "");
}

/** The numbers of the events that came whole. */
function numbersIn(text: string): number[] {
  return [...text.matchAll(/^id: \S+-(\d+)\nevent: .*\ndata: .*\n\n/gm)].map(([, number]) => Number(number));
}

linuxTest("a reader that does not read is dropped, and gets exactly the rest when it comes back", async () => {
  await using served = await serveApp();
  const { app, port } = served, { events, clock } = app.test.domain;
  let encodings = 0;
  const encoded = events.encoded.bind(events);
  events.encoded = (number, encode) =>
    encoded(number, (event) => {
      encodings++;
      return encode(event);
    });
  const publish = (count: number) => {
    for (let i = 0; i < count; i++) events.publish({ type: "rule.failed", reason: REASON }, clock.now());
  };
  publish(EVENTS);
  const stuck = await ask(port, "/v1/events?replay=true");
  let isCut = false;
  void served.cut.then(() => isCut = true);
  while (!isCut) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    app.test.clock.advance(KEEP_ALIVE_MS);
  }
  assert.ok(encodings < EVENTS, `${encodings} of ${EVENTS} events were made for it`);
  const before = await rest(stuck), seen = numbersIn(before);
  assert.deepEqual(seen, Array.from({ length: seen.length }, (_, i) => i + 1));
  const lastId = before.match(/^id: \S+(?=\nevent: .*\ndata: .*\n\n)/gm)!.at(-1)!.slice("id: ".length);
  const missing = numbersIn(await rest(await ask(port, "/v1/events?follow=false", lastId)));
  assert.deepEqual([...seen, ...missing], Array.from({ length: EVENTS }, (_, i) => i + 1));
  publish(EVENTS); // now what came behind the last one is kept no longer
  const late = await rest(await ask(port, "/v1/events?follow=false", lastId));
  assert.match(late, /^retry: 1000\nid: (\S+)\n\nid: \S+\nevent: reset\ndata: \{"type":"reset"\}\n\n\r\n$/);
});
