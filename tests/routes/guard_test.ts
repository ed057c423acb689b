import assert from "node:assert/strict";
import { allRoutes } from "../../routes/app.ts";
import { BODY_LIMIT, type Route } from "../../routes/guard.ts";
import {
  type Answer,
  appTest,
  type CallOptions,
  HOST,
  openTestApp,
  type TestApp,
  TOKEN,
  TOKEN_FILE,
} from "../support/app.ts";

/** A path of the route with something instead of each parameter. */
function pathOf({ path }: Route): string {
  return path.replaceAll(/:\w+/g, "1");
}

const hasBody = ({ method }: Route) => method !== "GET" && method !== "DELETE";

/** Calls a route, with a body where it takes one. */
function ask(app: TestApp, route: Route, options: CallOptions = {}): Promise<Answer> {
  return app.call(pathOf(route), { ...options, method: route.method, ...(hasBody(route) && { body: {} }) });
}

interface Attack {
  readonly name: string;
  readonly applies: (route: Route) => boolean;
  readonly options: CallOptions;
  readonly status: number;
  readonly code: string;
}

const always = () => true;
const hostile = (name: string, headers: Record<string, string>, status: number, code: string): Attack => ({
  name,
  applies: always,
  options: { headers, token: TOKEN },
  status,
  code,
});

/** What every call must refuse, token or not, before its handler runs. */
const ATTACKS: readonly Attack[] = [
  hostile("no Host", { host: "" }, 421, "misdirected_host"),
  ...[
    "evil.example",
    "evil.example:7678",
    "127.0.0.1",
    "127.0.0.1:80",
    "localhost.:7678",
    "127.0.0.1.evil.example:7678",
    "127.0.0.1:7678@evil.example",
    "0.0.0.0:7678",
    "[::]:7678",
  ].map((host) => hostile(`Host ${host}`, { host }, 421, "misdirected_host")),
  ...["http://evil.example", "null", "https://127.0.0.1:7678", "http://127.0.0.1", "http://localhost:7678", "file://"]
    .map((origin) => hostile(`Origin ${origin}`, { origin }, 403, "forbidden_origin")),
  ...["cross-site", "same-site", "anything"].map((site) =>
    hostile(`Sec-Fetch-Site ${site}`, { "sec-fetch-site": site }, 403, "forbidden_origin")
  ),
  ...["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp"].map((
    type,
  ) => ({
    name: `Content-Type ${type || "absent"}`,
    applies: hasBody,
    options: { headers: { "content-type": type }, token: TOKEN },
    status: 415,
    code: "unsupported_media_type",
  })),
  ...["wrong", "", TOKEN.slice(1), `${TOKEN}0`, TOKEN.toUpperCase()].map((token) => ({
    name: `token ${token.length} characters`,
    applies: ({ scope }: Route) => scope !== "none",
    options: { token },
    status: 401,
    code: "unauthorized",
  })),
  {
    name: "Basic credentials",
    applies: ({ scope }) => scope !== "none",
    options: { headers: { authorization: `Basic ${TOKEN}` } },
    status: 401,
    code: "unauthorized",
  },
  { name: "no token", applies: ({ scope }) => scope === "expose", options: {}, status: 403, code: "scope_required" },
  ...[String(BODY_LIMIT + 1), "10485760", "1e99", "-1", "x"].map((length) => ({
    name: `Content-Length ${length}`,
    applies: ({ method }: Route) => method !== "GET",
    options: { headers: { "content-length": length }, token: TOKEN },
    status: 413,
    code: "payload_too_large",
  })),
];

Deno.test("the guard refuses every attack on every route, and no handler runs", async (t) => {
  await using app = await openTestApp();
  const routes = allRoutes(app.parts);
  assert.ok(routes.length > 25);
  for (const route of routes) {
    await t.step(`${route.method} ${route.path}`, async () => {
      for (const { name, applies, options, status, code } of ATTACKS) {
        if (!applies(route)) continue;
        const answer = await ask(app, route, options);
        assert.deepEqual([answer.status, answer.body.code], [status, code], name);
        assert.equal(answer.headers.get("content-type"), "application/problem+json");
      }
      assert.equal(app.test.domain.registry.table.size, 0);
      assert.equal(app.stopped(), false);
    });
  }
});

appTest("every route refuses OPTIONS and the methods it does not take, and names those it takes", async (app) => {
  const routes = allRoutes(app.parts);
  for (const route of routes) {
    const options = await app.call(pathOf(route), { method: "OPTIONS", token: TOKEN });
    assert.deepEqual([options.status, options.body.code], [405, "method_not_allowed"]);
    assert.equal(options.headers.get("access-control-allow-origin"), null);
    const taken = routes.filter(({ path }) => path === route.path).map(({ method }) => method);
    const matches = ({ path }: Route) => new RegExp(`^${path.replaceAll(/:\w+/g, "[^/]+")}$`).test(pathOf(route));
    const matching = new Set(routes.filter(matches).map(({ method }) => method));
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"] as const) {
      if (matching.has(method)) continue;
      const answer = await app.call(pathOf(route), { method, token: TOKEN, ...(method === "GET" ? {} : { body: {} }) });
      assert.deepEqual([answer.status, answer.body.code], [405, "method_not_allowed"], `${method} ${route.path}`);
      for (const allowed of taken) assert.ok(answer.headers.get("allow")?.includes(allowed));
    }
  }
});

appTest("with auth.anonymous none every call but the probes takes the token", async (app) => {
  for (const route of allRoutes(app.parts)) {
    const { status, body } = await ask(app, route);
    if (route.scope === "none") assert.ok(status === 200 || body.code === "invalid_request");
    else assert.ok([401, 403].includes(status) && ["unauthorized", "scope_required"].includes(body.code));
  }
}, { anonymous: "none" });

appTest("a request line that names another host is refused, whatever the Host header says", async (app) => {
  for (const host of ["evil.example", "127.0.0.1", "x@evil.example:7678"]) {
    const response = await app.fetch(new Request(`http://${host}/v1/status`, { headers: { host: HOST } }));
    assert.deepEqual([response.status, (await response.json()).code], [421, "misdirected_host"], host);
  }
});

appTest("unknown paths are guarded too", async (app) => {
  assert.equal((await app.call("/v1/nothing")).body.code, "not_found");
  assert.equal((await app.call("/v1/nothing", { headers: { host: "evil.example" } })).status, 421);
  assert.equal((await app.call("/", { headers: { origin: "http://evil.example" } })).status, 403);
});

appTest("the guard lets our own origin and every name of ours pass", async (app) => {
  for (const host of [HOST, "localhost:7678", "[::1]:7678", "LOCALHOST:7678"]) {
    const headers = { host, origin: `http://${host}`, "sec-fetch-site": "same-origin" };
    assert.equal((await app.call("/v1/status", { headers })).status, 200, host);
  }
  const headers = { "content-type": "application/json; charset=utf-8" };
  assert.equal((await app.call("/v1/leases", { headers, body: {} })).status, 201);
});

appTest("a DELETE needs no Content-Type", async (app) => {
  const { body: { id } } = await app.call("/v1/leases", { body: {} });
  const { status } = await app.fetch(
    new Request(`http://${HOST}/v1/leases/${id}`, { method: "DELETE", headers: { host: HOST } }),
  );
  assert.equal(status, 204);
});

appTest("every answer forbids sniffing, framing and scripts", async (app) => {
  for (const path of ["/v1/status", "/v1/nothing", "/v1/events", "/healthz"]) {
    const { headers } = await app.call(path);
    assert.equal(headers.get("x-content-type-options"), "nosniff", path);
    assert.match(headers.get("content-security-policy") ?? "", /default-src 'none'/, path);
  }
});

appTest("a body without a length is read as far as the limit and no further", async (app) => {
  let sent = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      sent += 4096;
      controller.enqueue(new Uint8Array(4096).fill(0x20));
    },
  });
  const response = await app.fetch(
    new Request(`http://${HOST}/v1/leases`, {
      method: "POST",
      headers: { host: HOST, "content-type": "application/json" },
      body: endless,
    }),
  );
  assert.deepEqual([response.status, (await response.json()).code], [413, "payload_too_large"]);
  assert.ok(sent < 2 * BODY_LIMIT);
});

appTest("a refusal for want of the token names its file", async (app) => {
  const { body } = await app.call("/v1/export");
  assert.equal(body.detail, `Cannot do this without the scope "expose": send the token; the token is in ${TOKEN_FILE}`);
  assert.equal(body.tokenFile, TOKEN_FILE);
});

appTest("where every call takes the token, nobody without it learns where its file is", async (app) => {
  assert.equal(JSON.stringify((await app.call("/v1/export")).body).includes(TOKEN_FILE), false);
}, { anonymous: "none" });
