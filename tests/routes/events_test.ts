/** `GET /events`: replay, slow readers, many readers. */
import assert from "node:assert/strict";
import {
  EventReaders,
  KEEP_ALIVE_MS,
  MOST_OF_A_USER,
  MOST_READERS,
  type ReaderConnection,
  type ReaderOptions,
  STUCK_MS,
} from "../../routes/event_readers.ts";
import { EventLog, type LoggedEvent } from "../../src/lease/events.ts";
import { appTest, HOST, type TestApp, TOKEN } from "../support/app.ts";
import { FakeClock } from "../support/clock.ts";

const nothing = { type: "rule.failed", reason: "" } as const;

/** Readers of a log of their own, with a count of what is made for them. */
function openReaders(bounds = {}, length = 0) {
  const clock = new FakeClock(), log = new EventLog("run", bounds), ending = new AbortController();
  const counts = { open: 0, reset: 0, dropped: 0 };
  let encodings = 0;
  const encode = ({ number }: LoggedEvent) => {
    encodings++;
    return new TextEncoder().encode(`<${number}>`.padStart(length));
  };
  const readers = new EventReaders({ events: log, clock, signal: ending.signal, encode, counts });
  const publish = (count: number) => {
    for (let i = 0; i < count; i++) log.publish(nothing, 0);
  };
  return { clock, log, ending, readers, counts, publish, encodings: () => encodings };
}

/** A reader that has got the greeting. */
async function greeted(
  readers: EventReaders,
  lastId?: string,
  options: ReaderOptions = {},
): Promise<ReadableStreamDefaultReader<Uint8Array>> {
  const reader = readers.open({ ...options, lastId }).getReader();
  assert.match((await textOf(reader))!, /^retry: 1000\n(id: run-\d+\n)?\n$/);
  return reader;
}

async function textOf(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string | undefined> {
  const { value } = await reader.read();
  return value && new TextDecoder().decode(value);
}

function ask(app: TestApp, headers: Record<string, string> = {}, method = "GET"): Promise<Response> {
  const request = new Request(`http://${HOST}/v1/events`, { method, headers: { host: HOST, ...headers } });
  return Promise.resolve(app.fetch(request));
}

appTest("a reader that comes back gets what it missed, in order, and then what happens", async (app) => {
  const body = { name: "web", project: "shop" };
  const grant = async (status: number) => {
    const answer = await app.call("/v1/leases", { body });
    assert.equal(answer.status, status, JSON.stringify(answer.body));
    return answer.body;
  };
  await grant(201);
  const first = (await ask(app, { "last-event-id": "unknown" })).body!.getReader();
  await textOf(first);
  const id = /^id: (\S+)\nevent: reset\n/.exec((await textOf(first))!)![1]!;
  await first.cancel();
  const lease = await grant(200);
  assert.equal((await app.call(`/v1/leases/${lease.id}`, { method: "DELETE" })).status, 204);
  const second = (await ask(app, { "last-event-id": id })).body!.getReader();
  await textOf(second);
  const missed = (await textOf(second))!;
  assert.deepEqual(missed.match(/(?<=event: )\S+/g), ["lease.renewed", "lease.released"]);
  const [run, number] = id.split("-");
  assert.deepEqual(missed.match(/(?<=id: )\S+/g), [1, 2].map((more) => `${run}-${Number(number) + more}`));
  assert.deepEqual(JSON.parse(/(?<=data: ).*/.exec(missed)![0]).lease, lease);
  const next = textOf(second);
  await grant(201);
  app.test.clock.advance(50);
  assert.match((await next)!, /^id: \S+\nevent: lease\.granted\n/);
  await second.cancel();
});

Deno.test("readers that do not read cost nothing, however much they would have to catch up on", async () => {
  const { readers, publish, encodings } = openReaders();
  publish(1000);
  const streams = Array.from({ length: 200 }, () => readers.open({ lastId: "run-0" }));
  publish(9000);
  assert.equal(encodings(), 0);
  for (const stream of streams.slice(0, 2)) {
    const reader = stream.getReader();
    await textOf(reader);
    assert.match((await textOf(reader))!, /^<1><2><3>/);
  }
  assert.ok(encodings() <= 10_000);
});

Deno.test("what is made for a reader at once is bounded, and made once for all", async () => {
  const { readers, publish, encodings } = openReaders({}, 500);
  publish(1000);
  const all = await Promise.all(Array.from({ length: 20 }, () => greeted(readers, "run-0")));
  const firstPieces = await Promise.all(all.map(async (reader) => (await reader.read()).value!));
  assert.equal(new Set(firstPieces).size, 1, "they share the bytes");
  assert.ok(firstPieces[0]!.length < 65_536 + 500);
  let text = new TextDecoder().decode(firstPieces[0]);
  while (!text.endsWith("<1000>")) text += await textOf(all[0]!);
  assert.deepEqual(text.match(/\d+/g), Array.from({ length: 1000 }, (_, i) => String(i + 1)));
  assert.equal(encodings(), 1000);
});

Deno.test("a reader that the log has passed by gets reset, and goes on from there", async () => {
  const { clock, readers, counts, publish } = openReaders({ events: 10 });
  const reader = await greeted(readers);
  const waiting = textOf(reader);
  publish(1);
  clock.advance(50);
  assert.equal(await waiting, "<1>");
  assert.deepEqual(counts, { open: 1, reset: 0, dropped: 0 });
  publish(12);
  assert.equal(await textOf(reader), 'id: run-13\nevent: reset\ndata: {"type":"reset"}\n\n');
  assert.equal(counts.reset, 1);
  publish(2);
  assert.equal(await textOf(reader), "<14><15>");
  await reader.cancel();
  assert.deepEqual(counts, { open: 0, reset: 1, dropped: 0 });
});

Deno.test("what happens together reaches every waiting reader in one turn, as the same bytes", async () => {
  const { clock, readers, publish } = openReaders();
  const all = await Promise.all(Array.from({ length: MOST_READERS }, () => greeted(readers)));
  const waiting = all.map((reader) => reader.read());
  publish(1);
  clock.advance(0);
  const first = await Promise.all(waiting);
  assert.equal(new Set(first.map(({ value }) => value)).size, 1);
  const again = all.map((reader) => reader.read());
  publish(500);
  clock.advance(MOST_READERS - 1); // the more there are, the more rarely they are woken
  publish(500);
  clock.advance(1);
  const [piece, ...others] = (await Promise.all(again)).map(({ value }) => value!);
  assert.ok(others.every((each) => each === piece));
  assert.match(new TextDecoder().decode(piece), /^<2>.*<1001>$/);
});

Deno.test("comments keep the streams of those alive who wait, by one timer for all", async () => {
  const { clock, readers } = openReaders();
  let timers = 0;
  const after = clock.after.bind(clock);
  clock.after = (ms, callback) => {
    timers++;
    return after(ms, callback);
  };
  const all = await Promise.all(Array.from({ length: 100 }, () => greeted(readers)));
  const waiting = all.map(textOf);
  clock.advance(KEEP_ALIVE_MS);
  assert.deepEqual(new Set(await Promise.all(waiting)), new Set([": still here\n\n"]));
  assert.equal(timers, 2);
});

appTest(
  "more readers of one user than are served are refused in words, until one leaves; others are served",
  async (app) => {
    const streams = await Promise.all(Array.from({ length: MOST_OF_A_USER }, async () => (await ask(app)).body!));
    const { status, body, headers } = await app.call("/v1/events");
    assert.deepEqual([status, body.code, headers.get("retry-after")], [503, "too_many_readers", "5"]);
    assert.match(body.detail, /: 64 others of this user read them already/);
    const others = await ask(app, { authorization: `Bearer ${TOKEN}` });
    assert.equal(others.status, 200);
    await streams[7]!.cancel();
    assert.equal((await app.call("/v1/events")).status, 200);
    assert.equal((await app.call("/v1/events")).status, 200, "that one has left again");
    await others.body!.cancel();
  },
);

Deno.test("more readers than are served at a time are refused in words, until one leaves", () => {
  const { readers } = openReaders();
  const streams = Array.from({ length: MOST_READERS }, (_, i) => readers.open({ user: `uid:${1000 + i % 4}` }));
  const refusal = { code: "too_many_readers", message: "Cannot send events: 256 others read them already" };
  assert.throws(() => readers.open(), refusal);
  void streams[7]!.cancel();
  readers.open();
  assert.throws(() => readers.open(), refusal);
});

appTest("HEAD /events takes no reader's place", async (app) => {
  for (let i = 0; i <= MOST_READERS; i++) assert.equal((await ask(app, {}, "HEAD")).status, 200);
  assert.equal((await app.call("/v1/events")).status, 200);
});

Deno.test("a daemon that stops ends every stream and begins no other", async () => {
  const { readers, ending } = openReaders();
  const reader = await greeted(readers);
  const next = reader.read();
  ending.abort();
  assert.equal((await next).done, true);
  assert.throws(() => readers.open(), { code: "shutting_down" });
});

Deno.test("a reader knows from the first message on with which id it can come back", async () => {
  const { clock, readers, publish } = openReaders();
  publish(7);
  const greeting = async (options: ReaderOptions) => await textOf(readers.open(options).getReader());
  assert.equal(await greeting({}), "retry: 1000\nid: run-7\n\n");
  assert.equal(await greeting({ lastId: "run-3" }), "retry: 1000\nid: run-3\n\n");
  assert.equal(await greeting({ lastId: "other-3" }), "retry: 1000\n\n", "the reset has it");
  const reader = await greeted(readers);
  const next = textOf(reader);
  publish(1);
  clock.advance(50);
  assert.equal(await next, "<8>");
});

Deno.test("replay begins with the oldest event that is kept, and a known place goes before it", async () => {
  const { readers, publish } = openReaders({ events: 3 });
  publish(5);
  assert.equal(await textOf(await greeted(readers, undefined, { replay: true })), "<3><4><5>");
  assert.equal(await textOf(await greeted(readers, "run-4", { replay: true })), "<5>");
});

Deno.test("without follow a stream ends behind what has happened, also when nothing has", async () => {
  const { readers, publish } = openReaders();
  const whole = async (options: ReaderOptions) => {
    return await new Response(readers.open({ ...options, follow: false })).text();
  };
  assert.equal(await whole({}), "retry: 1000\nid: run-0\n\n");
  assert.equal(await whole({ replay: true }), "retry: 1000\nid: run-0\n\n");
  publish(3);
  assert.equal(await whole({ replay: true }), "retry: 1000\nid: run-0\n\n<1><2><3>");
  assert.equal(await whole({ lastId: "run-2" }), "retry: 1000\nid: run-2\n\n<3>");
  assert.equal(
    await whole({ lastId: "other-2" }),
    'retry: 1000\n\nid: run-3\nevent: reset\ndata: {"type":"reset"}\n\n',
  );
  assert.equal(await whole({}), "retry: 1000\nid: run-3\n\n");
});

Deno.test("a reader that takes nothing for a minute is dropped; its place is free when its connection has ended", async () => {
  const { clock, readers, counts, publish } = openReaders();
  const ended = Promise.withResolvers<void>();
  let cuts = 0;
  const connection: ReaderConnection = { cut: () => cuts++, ended: ended.promise };
  const stuck = await greeted(readers, undefined, { connection });
  const waiting = await Promise.all(Array.from({ length: MOST_READERS - 1 }, () => greeted(readers)));
  const first = textOf(stuck);
  publish(1);
  clock.advance(MOST_READERS);
  assert.equal(await first, "<1>"); // it asks for no more: the stream has nothing for it yet
  for (const reader of waiting) void drain(reader);
  const second = stuck.read();
  publish(1);
  clock.advance(MOST_READERS);
  assert.equal(new TextDecoder().decode((await second).value), "<2>");
  for (let ms = 0; ms < STUCK_MS - KEEP_ALIVE_MS; ms += KEEP_ALIVE_MS) clock.advance(KEEP_ALIVE_MS);
  assert.equal(cuts, 0);
  for (let ms = 0; ms < 2 * KEEP_ALIVE_MS; ms += KEEP_ALIVE_MS) {
    await new Promise((resolve) => setTimeout(resolve)); // those who read take their comments
    clock.advance(KEEP_ALIVE_MS);
  }
  assert.deepEqual([cuts, counts.dropped], [1, 1]);
  assert.equal((await stuck.read()).done, true);
  assert.throws(() => readers.open(), { code: "too_many_readers" });
  ended.resolve();
  await ended.promise;
  readers.open();
  assert.throws(() => readers.open(), { code: "too_many_readers" });
});

/** Reads to the end. */
async function drain(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  while (!(await reader.read()).done);
}
