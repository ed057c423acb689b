import assert from "node:assert/strict";
import { AmendBody, GrantBody, ImportBody, ListenersQuery, ListQuery, RenewBody } from "../../routes/schema.ts";
import { appTest, openTestApp, type TestApp, TOKEN } from "../support/app.ts";

/** Values that no field of any request takes. */
const NEVER: readonly unknown[] = [
  true,
  -1,
  1.5,
  1e99,
  "",
  "\u0000",
  "x".repeat(5000),
  [],
  [[]],
  [null],
  { "__proto__x": 1 },
  { unknown: 1 },
];

/** Values that some fields take, by the field that does. */
const TAKEN: Readonly<Record<string, readonly unknown[]>> = { labels: [], services: [], prefer: [] };

/** Fields with what each refuses beside {@linkcode NEVER}. */
const MORE: Readonly<Record<string, readonly unknown[]>> = {
  port: [65536, "80", "NaN", null, 4294967376],
  prefer: [[0], [65536], ["80"], [1.5], Array(33).fill(1), 80],
  range: [{ first: 0, last: 10 }, { first: 10, last: 9 }, { first: 1, last: 65536 }, { first: 1 }, "1-2", null, {
    first: 1,
    last: 2,
    x: 3,
  }],
  pool: ["other", 0, null],
  protocols: [["sctp"], ["tcp", "tcp"], "tcp", ["TCP"], null],
  count: [0, 257, "2", null],
  block: [0, 257, "2", null],
  services: [
    [{}],
    [{ name: "a", x: 1 }],
    [{ name: "a" }, { name: "a" }],
    [{ name: "a", port: 65536 }],
    "web",
    Array(65).fill({ name: "a" }),
  ],
  name: ["a/b", "a b", "ä", "x".repeat(65), 7, "a\nb"],
  project: ["/a", "a/", "a//b", "a b", "x".repeat(201), 7],
  holder: [
    {},
    { id: "" },
    { id: "x".repeat(501) },
    { id: "a\nb" },
    { id: "a", pid: 1 },
    { id: "a", command: "\u{1F600}".repeat(500), cwd: "\u{1F600}".repeat(600) },
    "me",
    null,
  ],
  pid: [0, 4194305, "1", null],
  inUse: ["true", 1, null],
  lifetime: ["pinned", { kind: "forever" }, { kind: "ttl" }, { kind: "ttl", ttlMs: 0 }, { kind: "pinned", x: 1 }, {
    kind: "listener",
    claimMs: 999,
  }, null],
  ttlMs: [0, 999, "1000", 31536000001, null],
  hold: ["hard", 0, null],
  labels: [
    { a: 1 },
    { a: "" },
    { "": "x" },
    { a: "x".repeat(101) },
    { "a b": "x" },
    { a: "b\n" },
    Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`k${i}`, "v"])),
    Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`k${i}`, "\u{1F600}".repeat(40)])),
    "a=b",
    null,
  ],
  exposure: [
    { firewall: null },
    { firewall: { remote: [] } },
    { gateway: { ipv4: false } },
    { gateway: { lifetimeMs: 119_999 } },
    "any",
    null,
  ],
  waitMs: [3600001, "1", null],
};

async function refuses(app: TestApp, path: string, method: string, field: string, value: unknown): Promise<void> {
  const { status, body, headers } = await app.call(path, { method, body: { [field]: value }, token: TOKEN });
  const context = `${method} ${path} ${field}=${JSON.stringify(value)?.slice(0, 80)}: ${
    JSON.stringify(body)?.slice(0, 300)
  }`;
  assert.ok(status >= 400 && status < 500, context);
  assert.equal(headers.get("content-type"), "application/problem+json", context);
  assert.ok(String(body.field ?? body.detail).startsWith(field) || body.detail.includes(field), context);
  assert.ok(body.detail.length < 1000, context);
  assert.ok(body.expected !== undefined || /there is no such field|together with/.test(body.detail), context);
}

Deno.test("every field of POST /leases refuses what it cannot use, and nothing is granted", async (t) => {
  await using app = await openTestApp();
  for (const field of Object.keys(GrantBody.shape)) {
    await t.step(field, async () => {
      assert.ok(MORE[field] !== undefined, "a new field needs its bad values here");
      const isArray = ["prefer", "services", "protocols"].includes(field);
      const general = NEVER.filter((value) =>
        !(field === "labels" && isObject(value)) && !(isArray && TAKEN[field]?.includes(value))
      );
      for (const value of [...general, ...MORE[field]!]) {
        if (field === "waitMs" && value === 0) continue;
        await refuses(app, "/v1/leases", "POST", field, value);
      }
    });
  }
  assert.equal(app.test.domain.registry.table.size, 0);
});

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

appTest("every field of PATCH and renew refuses what it cannot use, and nothing is changed", async (app) => {
  const { body: lease } = await app.call("/v1/leases", { body: { ttlMs: 60_000 } });
  const path = `/v1/leases/${lease.id}`;
  const calls = [{ schema: AmendBody, path, method: "PATCH" }, {
    schema: RenewBody,
    path: `${path}/renew`,
    method: "POST",
  }];
  for (const { schema, path, method } of calls) {
    for (const field of Object.keys(schema.shape)) {
      const general = NEVER.filter((value) => !(field === "labels" && isObject(value)));
      for (const value of [...general, ...MORE[field]!]) await refuses(app, path, method, field, value);
    }
    await refuses(app, path, method, "unknown", 1);
  }
  assert.deepEqual((await app.call(`/v1/leases/${lease.id}`)).body, lease);
});

appTest("every field of an import refuses what it cannot use, and nothing is taken in", async (app) => {
  for (const field of Object.keys(ImportBody.shape)) {
    for (const value of [true, -1, "x", [1], [null], [{}]]) {
      const { status, body } = await app.call("/v1/import", {
        token: TOKEN,
        body: { version: 1, leases: [], [field]: value },
      });
      assert.ok(status >= 400 && status < 500, `${field}=${JSON.stringify(value)} ${JSON.stringify(body)}`);
      assert.ok(body.field.startsWith(field), JSON.stringify(body));
    }
  }
  assert.equal(app.test.domain.registry.table.size, 0);
});

appTest("every query of GET /leases refuses what it cannot use", async (app) => {
  await refusesQueries(
    app,
    "/v1/leases",
    {
      name: ["", "x".repeat(266)],
      project: ["", "a b"],
      port: ["", "0", "65536", "-1", "1.5", "NaN", "http"],
      state: ["", "dead"],
      label: ["", "novalue", ":x", "x:"],
      ended: ["", "yes", "1"],
      limit: ["", "0", "1001", "all"],
      cursor: ["", "'", "x".repeat(61)],
    } satisfies Record<keyof typeof ListQuery.shape, string[]>,
  );
  assert.match((await app.call("/v1/leases?lable=a:b")).body.detail, /did you mean "label"\?/);
  for (const query of ["ended=true&cursor=zzz", "cursor=xyz"]) {
    const { status, body } = await app.call(`/v1/leases?${query}`);
    assert.deepEqual([status, body.field], [400, "cursor"]);
  }
});

appTest("every query of GET /listeners refuses what it cannot use", async (app) => {
  await refusesQueries(
    app,
    "/v1/listeners",
    {
      port: ["", "0", "65536", "http"],
      pid: ["", "0", "-1", "x"],
      protocol: ["", "sctp", "TCP"],
      state: ["", "LISTENING", "listen"],
      name: [""],
      connections: ["", "1", "yes"],
    } satisfies Record<keyof typeof ListenersQuery.shape, string[]>,
  );
});

async function refusesQueries(app: TestApp, path: string, bad: Readonly<Record<string, string[]>>): Promise<void> {
  for (const [field, value] of Object.entries(bad).flatMap(([field, values]) => values.map((each) => [field, each]))) {
    const { status, body } = await app.call(`${path}?${field}=${encodeURIComponent(value!)}`);
    assert.ok(status === 400 || status === 422, `${field}=${value}`);
    assert.equal(body.field, field);
  }
}

const DEEP = "[".repeat(30_000) + "]".repeat(30_000);
const BODIES: [name: string, body: string | Uint8Array, detail: RegExp][] = [
  ["no JSON", "{", /as JSON/],
  ["a bare word", "NaN", /as JSON/],
  ["infinity", '{"port":Infinity}', /as JSON/],
  ["a list", "[]", /a JSON object/],
  ["a number", "1", /a JSON object/],
  ["null", "null", /a JSON object/],
  ["no UTF-8", new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]), /not UTF-8/],
  ["deep nesting", DEEP, /a JSON object/],
  ["deep nesting in a field", `{"labels":${DEEP}}`, /"labels": must be an object of strings, got an array/],
  ["a huge number", `{"port":${"9".repeat(400)}}`, /"port"/],
  ["a key of Object's", '{"__proto__":{"port":1}}', /"__proto__": there is no such field/],
  ["a label of Object's", '{"labels":{"__proto__":"x"}}', /labels/],
];

for (const [name, body, detail] of BODIES) {
  Deno.test(`a body that is ${name} is refused in words`, async () => {
    await using app = await openTestApp();
    const { status, body: problem } = await app.call("/v1/leases", { body });
    assert.ok(status >= 400 && status < 500, JSON.stringify(problem));
    assert.match(problem.detail, detail);
    assert.ok(problem.detail.length < 500);
    assert.equal(app.test.domain.registry.table.size, 0);
  });
}

appTest("a body of 10 MB is refused unread", async (app) => {
  const { status } = await app.call("/v1/leases", {
    body: "x".repeat(10_485_760),
    headers: { "content-length": "10485760" },
  });
  assert.equal(status, 413);
});

appTest("fields that contradict each other are refused with both names", async (app) => {
  const pairs = [
    { services: [{ name: "a" }], name: "b" },
    { services: [{ name: "a" }], port: 80 },
    { count: 2, block: 2 },
    { count: 2, port: 3000 },
    { block: 2, pool: "os" },
    { port: 3000, range: { first: 1, last: 2 } },
    { port: 3000, prefer: [1] },
    { range: { first: 1, last: 2 }, pool: "os" },
    { ttlMs: 1000, lifetime: { kind: "pinned" } },
  ];
  for (const body of pairs) {
    const { status, body: problem } = await app.call("/v1/leases", { body });
    assert.equal(status, 400);
    for (const field of Object.keys(body)) assert.ok(problem.detail.includes(`"${field}"`), problem.detail);
  }
});
