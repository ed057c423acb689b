/** What the client takes for an answer: whole documents with one thing wrong in them, at every place. */
import assert from "node:assert/strict";
import { type LeaseEvent, NoDaemonError, PortdClient, UnusableAnswerError } from "../../src/client/client.ts";
import {
  ACTIVITY,
  DESCRIPTION,
  DOCUMENT,
  EVENT,
  FIREWALL,
  LEASE,
  LINE,
  OUTCOME,
  PORT_MAP,
  REACH,
  SOCKET,
  STATUS,
} from "../support/wire.ts";

interface Call {
  readonly document: object;
  readonly call: (client: PortdClient) => Promise<unknown>;
  /** What the call gives of the document. @default the document */
  readonly gives?: unknown;
}

const CALLS: Readonly<Record<string, Call>> = {
  "grant()": { document: LEASE, call: (client) => client.grant({}) },
  "grantAll()": { document: { leases: [LEASE] }, call: (client) => client.grantAll({ count: 1 }), gives: [LEASE] },
  "list()": { document: { leases: [LEASE], next: "abc" }, call: (client) => client.list() },
  "get()": { document: LEASE, call: (client) => client.get(LEASE.id) },
  "renew()": { document: LEASE, call: (client) => client.renew(LEASE.id) },
  "amend()": { document: LEASE, call: (client) => client.amend(LEASE.id, {}) },
  "releaseByLabel()": {
    document: { released: [LEASE.id] },
    call: (client) => client.releaseByLabel("a:b"),
    gives: [LEASE.id],
  },
  "listeners()": { document: { listeners: [SOCKET] }, call: (client) => client.listeners(), gives: [SOCKET] },
  "describePort()": { document: DESCRIPTION, call: (client) => client.describePort(20417) },
  "portMap()": { document: PORT_MAP, call: (client) => client.portMap() },
  "expose()": { document: LEASE, call: (client) => client.expose(LEASE.id) },
  "conceal()": { document: LEASE, call: (client) => client.conceal(LEASE.id) },
  "firewall()": { document: FIREWALL, call: (client) => client.firewall() },
  "syncFirewall()": { document: FIREWALL, call: (client) => client.syncFirewall() },
  "line()": { document: LINE, call: (client) => client.line() },
  "sampleLine()": { document: LINE, call: (client) => client.sampleLine({ servers: ["stun.example.org"] }) },
  "checkPort()": { document: REACH, call: (client) => client.checkPort(20417) },
  "activity()": { document: ACTIVITY, call: (client) => client.activity() },
  "status()": { document: STATUS, call: (client) => client.status() },
  "export()": { document: DOCUMENT, call: (client) => client.export() },
  "import()": { document: OUTCOME, call: (client) => client.import(DOCUMENT) },
};

/** Members that an answer need not have. */
const OPTIONAL =
  /\.(?:next|desired|last|error|lacksRights|exportedAt|rule|wsl)$|\]\.user$|\.(?:labels|leases|names)\.\w+(?:\/\w+)?$/;

function clientOf(text: string, type = "application/json"): PortdClient {
  return new PortdClient({
    fetch: () => Promise.resolve(new Response(text, { headers: { "content-type": type } })),
  });
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** The document with one value replaced, for every value in it and everything that it cannot be. */
function* liesOf(value: Json, at = ""): Generator<readonly [at: string, lie: Json | undefined]> {
  const wrong: (Json | undefined)[] = [{ lie: [] }];
  if (typeof value === "number") wrong.push(-1, 0.5, 1e308, "NaN", []);
  else if (typeof value === "string") wrong.push("x".repeat(70_000), 7, []);
  else if (typeof value === "boolean") wrong.push("true", 0);
  else if (Array.isArray(value)) wrong.push("text", [...value, 0.5]);
  else if (value !== null) wrong[0] = 7; // an object may have members that are not known
  for (const lie of wrong) if (at !== "") yield [at, lie];
  if (at !== "" && !/\]$/.test(at) && !OPTIONAL.test(at)) yield [at, undefined];
  if (typeof value !== "object" || value === null) return;
  const keys = Array.isArray(value) ? value.map((_, i) => [`${at}[${i}]`, i]) : Object.keys(value).map((key) => [
    `${at}.${key}`,
    key,
  ]);
  for (const [place, key] of keys) {
    for (const [below, lie] of liesOf((value as Record<string, Json>)[key!]!, String(place))) {
      const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string | number, unknown>;
      if (below === place && lie === undefined) delete copy[key!];
      else copy[key!] = lie;
      yield [below, copy as Json];
    }
  }
}

for (const [name, { document, call, gives = document }] of Object.entries(CALLS)) {
  Deno.test(`${name} takes a whole answer with members that it does not know, and none with anything wrong`, async () => {
    assert.deepEqual(await call(clientOf(JSON.stringify(document))), gives);
    await call(clientOf(JSON.stringify({ ...document, invented: { by: "a newer daemon" } })));
    let lies = 0;
    for (const [at, lie] of liesOf(document as Json)) {
      lies++;
      const fails = (error: unknown) => error instanceof UnusableAnswerError && !error.message.includes("\n");
      await assert.rejects(call(clientOf(JSON.stringify(lie))), fails, `${at}: ${JSON.stringify(lie).slice(0, 300)}`);
    }
    assert.ok(lies > 3);
    for (const text of ["null", "7", '"text"', "{", "", "[".repeat(100_000)]) {
      await assert.rejects(call(clientOf(text)), NoDaemonError, text.slice(0, 20));
    }
    await assert.rejects(call(clientOf(JSON.stringify(document), "text/plain")), NoDaemonError);
  });
}

Deno.test("an answer that cannot be used is refused with the place, the value and what was expected", async () => {
  const leases = [LEASE, LEASE, LEASE, { ...LEASE, port: -1 }];
  await assert.rejects(clientOf(JSON.stringify({ leases })).list(), {
    name: "UnusableAnswerError",
    message: "Cannot use the answer of portd at http://127.0.0.1:7678: leases[3].port is -1, expected a port number " +
      "from 1 to 65535",
  });
  const labels = { "a\n\u001b[2J": 7 };
  await assert.rejects(clientOf(JSON.stringify({ ...LEASE, labels })).get(LEASE.id), {
    message:
      'Cannot use the answer of portd at http://127.0.0.1:7678: labels["a\\n\\u001b[2J"] is 7, expected text of ' +
      "at most 65536 characters",
  });
});

Deno.test("as many leases as were asked for are an answer, and no other number", async () => {
  for (const leases of [[], [LEASE], [LEASE, LEASE, LEASE]]) {
    await assert.rejects(clientOf(JSON.stringify({ leases })).grantAll({ count: 2 }), UnusableAnswerError);
  }
  await assert.rejects(clientOf(JSON.stringify({ leases: [LEASE] })).grant({}), UnusableAnswerError);
  await assert.rejects(clientOf(JSON.stringify(LEASE)).grantAll({ count: 1 }), UnusableAnswerError);
});

Deno.test("an answer about another port than the one asked for is refused", async () => {
  const [socket] = DESCRIPTION.listeners;
  for (
    const lie of [
      { ...DESCRIPTION, port: 20418 },
      { ...DESCRIPTION, leases: [{ ...LEASE, port: 20418 }] },
      { ...DESCRIPTION, listeners: [{ ...socket, localPort: 20418 }] },
      { ...DESCRIPTION, listeners: [{ ...socket, pid: 0 }] },
    ]
  ) await assert.rejects(clientOf(JSON.stringify(lie)).describePort(20417), UnusableAnswerError);
});

Deno.test("a release that is not answered as one has not happened", async () => {
  await assert.rejects(clientOf("{}").release(LEASE.id), NoDaemonError);
});

/** A client whose pages follow one another by these cursors; the last one without. */
function paged(next: (page: number) => string | undefined): { readonly client: PortdClient; readonly asked: string[] } {
  const asked: string[] = [];
  const client = new PortdClient({
    fetch(input) {
      const cursor = next(asked.push(String(input)));
      return Promise.resolve(Response.json({ leases: [], ...(cursor === undefined ? {} : { next: cursor }) }));
    },
  });
  return { client, asked };
}

Deno.test("listAll() refuses a cursor that does not move, and one that comes back", async () => {
  const stuck = paged(() => "abc");
  await assert.rejects(stuck.client.listAll(), /comes back to the cursor "abc"$/);
  assert.equal(stuck.asked.length, 2);
  const circle = paged((page) => `c${page % 3}`);
  await assert.rejects(circle.client.listAll(), UnusableAnswerError);
  assert.equal(circle.asked.length, 4);
});

Deno.test("listAll() refuses a list without an end", async () => {
  const { client, asked } = paged((page) => `c${page}`);
  await assert.rejects(client.listAll(), /the list of leases has no end: 10000 pages/);
  assert.equal(asked.length, 10_000);
});

const stream = (text: string) => clientOf(text, "text/event-stream");

Deno.test("events() refuses an event that is not what its type promises, and passes over types of a newer daemon", async () => {
  const message = (data: unknown, id = "e-1") => `id: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
  const good = message(EVENT);
  for (
    const lie of [
      message({ ...EVENT, lease: { ...LEASE, port: -1 } }),
      message({ ...EVENT, at: "yesterday" }),
      message({ ...EVENT, lease: undefined }),
      message({ type: 7 }),
      message(null),
      "data: {no json\n\n",
      message(EVENT, "e-1\u001b[2J"),
      message(EVENT, "x".repeat(101)),
    ]
  ) {
    const events = stream(message({ type: "mapping.added" }) + good + lie).events();
    assert.equal((await events.next()).value?.type, "lease.granted", lie);
    await assert.rejects(events.next(), UnusableAnswerError, lie);
  }
  const named = stream(message({ ...EVENT, id: "e-7" })).events();
  assert.equal(((await named.next()).value as LeaseEvent).id, "e-1");
  await named.return();
});

Deno.test("a stream of events that ends before it has begun is nobody's", async () => {
  await assert.rejects(stream("").events().next(), NoDaemonError);
});
