/** The document of the API: it is whole, it is true, and others can work with it. */
import { Validator } from "@seriousme/openapi-schema-validator";
import assert from "node:assert/strict";
import openapiTypes, { astToString } from "openapi-typescript";
import { allRoutes } from "../../routes/app.ts";
import { EXAMPLES } from "../../routes/openapi/examples.ts";
import { OPERATIONS } from "../../routes/openapi/operations.ts";
import { PROBLEMS } from "../../routes/openapi/problems.ts";
import { problemExample, problemName } from "../../routes/openapi/problem_schemas.ts";
import { type ErrorCode, STATUS_OF_CODE } from "../../src/errors.ts";
import { appTest } from "../support/app.ts";
import { sectionsOf } from "../support/docs/markdown.ts";
import { temporaryFolder } from "../support/folder.ts";
import { checkedFetch } from "../support/openapi/checked_fetch.ts";
import { CONTRACT, Contract, type GotAnswer } from "../support/openapi/contract.ts";
import { COPY, openApiText } from "../support/openapi/generate.ts";

const text = await openApiText();
const entries = OPERATIONS.flatMap(({ operations }) => Object.entries(operations));
const CODES = Object.keys(STATUS_OF_CODE) as ErrorCode[];

appTest("every route has an entry in routes/openapi/ with its scope, and every entry has a route", (app) => {
  const routes = allRoutes(app.parts).map(({ method, path, scope }) =>
    `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")} ${scope}`
  );
  assert.deepEqual(entries.map(([call, { scope }]) => `${call} ${scope}`).sort(), routes.sort());
  return Promise.resolve();
});

appTest("GET /v1/openapi.json and GET /openapi.json answer the document", async (app) => {
  for (const path of ["/v1/openapi.json", "/openapi.json"]) {
    const { status, headers, body } = await app.call(path);
    assert.deepEqual([status, headers.get("content-type"), body], [200, "application/json", JSON.parse(text)]);
  }
  assert.equal((await app.call("/v1/openapi.json?pretty=1")).status, 400);
});

Deno.test("docs/openapi.json is the document (deno task openapi writes it)", async () => {
  assert.ok(await Deno.readTextFile(COPY) === text, "run deno task openapi");
});

Deno.test("the document is made the same each time", async () => {
  assert.equal(await openApiText(), text);
});

Deno.test("nothing that makes the document is loaded before it is asked for", async () => {
  const routes = new URL("../../routes/", import.meta.url);
  const load = async (more: string) => {
    const code = `await import("${routes}app.ts"); ${more}`;
    const args = [
      "eval",
      "--no-check",
      "--log-level=debug",
      `--config=${new URL("../deno.json", routes).pathname}`,
      code,
    ];
    const { success, stderr } = await new Deno.Command(Deno.execPath(), { args, env: { NO_COLOR: "1" } }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    const loaded = new TextDecoder().decode(stderr).match(/file:\/\/[^\s,"]+/g) ?? [] as string[];
    assert.ok(loaded.includes(`${routes}openapi.ts`), "the log does not name the route");
    return loaded.filter((file) => file.startsWith(`${routes}openapi/`) || file.endsWith("/src/client/shape.ts"));
  };
  assert.deepEqual(await load(""), []);
  const loaded = await load(`await (await import("${routes}openapi.ts")).openApiDocument();`);
  assert.ok(loaded.includes(`${routes}openapi/document.ts`), "the log does not name what is loaded later");
});

Deno.test("a validator finds no fault with it", async () => {
  const validator = new Validator();
  assert.deepEqual([await validator.validate(JSON.parse(text)), validator.version], [{ valid: true }, "3.1"]);
  const faulty = await validator.validate({ ...JSON.parse(text), paths: [] });
  assert.equal(faulty.valid, false);
});

Deno.test("every call has a name of its own in words, and says what it answers", () => {
  const ids = entries.map(([, { id }]) => id);
  assert.deepEqual(ids.filter((id, i) => ids.indexOf(id) !== i || !/^[a-z]+(?:[A-Z][a-z]+)*$/.test(id)), []);
  for (const [call, { answers, summary }] of entries) {
    assert.ok(Object.keys(answers).length > 0, call);
    assert.match(summary, /^[A-Z].*[^.]$/, call);
  }
});

Deno.test("every parameter in a path is described, and no other", () => {
  for (const [call, { parameters = [] }] of entries) {
    const described = parameters.filter((parameter) => parameter.in === "path").map(({ name }) => name);
    assert.deepEqual(described, [...call.matchAll(/\{(\w+)\}/g)].map(([, name]) => name), call);
  }
});

Deno.test("the example of each error is one that fits, and its sentence stands in docs/errors.md", async () => {
  const errors = sectionsOf(await Deno.readTextFile(new URL("../../docs/errors.md", import.meta.url)), 3);
  for (const code of CODES) {
    CONTRACT.checkNamed(code, problemName(code), problemExample(code));
    const told = errors.find(({ title }) => title === code)!.text.replaceAll("\n> ", " ");
    assert.ok(told.includes(PROBLEMS[code].detail), code);
  }
});

Deno.test("every example fits where it stands, and each is used", () => {
  const { paths } = JSON.parse(text);
  const used = new Set<string>();
  for (const [call, operation] of entries) {
    const [method = "", path = ""] = call.split(" ");
    const described = paths[path][method.toLowerCase()];
    const bodies = [described.requestBody, ...Object.values(described.responses)] as DescribedBody[];
    for (const [type, { schema, examples = {} }] of bodies.flatMap((body) => Object.entries(body?.content ?? {}))) {
      for (const name of Object.keys(examples)) {
        used.add(name);
        const value = EXAMPLES[name as keyof typeof EXAMPLES];
        if (type === "application/json") CONTRACT.checkValue(`${call}: ${name}`, schema, value);
        else assert.equal(typeof value, "string", `${operation.id}: ${name}`);
      }
    }
  }
  assert.deepEqual([...used].sort(), Object.keys(EXAMPLES).sort());
});

interface DescribedBody {
  readonly content?: Readonly<Record<string, { readonly schema: object; readonly examples?: object }>>;
}

Deno.test("the example of the event stream has an event that fits", () => {
  const [, data = ""] = /^data: (.+)$/m.exec(EXAMPLES.event_stream) ?? [];
  CONTRACT.checkNamed("event_stream", "Event", JSON.parse(data));
});

Deno.test("types that openapi-typescript makes of it compile, and fit what is sent", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(`${folder.path}/api.ts`, astToString(await openapiTypes(text)));
  await Deno.writeTextFile(`${folder.path}/client.ts`, CLIENT);
  await Deno.writeTextFile(`${folder.path}/deno.json`, "{}");
  const check = async (file: string) => {
    const options = { args: ["check", `${folder.path}/${file}`], cwd: folder.path, env: { NO_COLOR: "1" } };
    const { success, stderr } = await new Deno.Command(Deno.execPath(), options).output();
    return success ? "" : new TextDecoder().decode(stderr);
  };
  assert.equal(await check("client.ts"), "");
  await Deno.writeTextFile(`${folder.path}/wrong.ts`, CLIENT.replace('kind: "ttl"', 'kind: "forever"'));
  assert.match(await check("wrong.ts"), /forever/);
});

/** What a client does with such types. */
const CLIENT = `
import type { components, operations, paths } from "./api.ts";

type Grant = operations["grantLease"];
export const request: Grant["requestBody"] = {
  content: { "application/json": { name: "web", lifetime: { kind: "ttl", ttlMs: 60_000 } } },
};
export function portsOf(page: components["schemas"]["LeasePage"]): readonly number[] {
  return page.leases.map(({ port }) => port);
}
export function describe(problem: Grant["responses"][409]["content"]["application/problem+json"]): string {
  return problem.code === "port_leased" ? problem.lease?.name ?? "" : problem.detail;
}
export type Listing = paths["/v1/leases"]["get"]["parameters"]["query"];
export const listing: Listing = { state: "listening", limit: 10, ended: false };
`;

Deno.test("an event that is not as described is found when it is read", async () => {
  const open = async (data: object) => {
    const headers = { "content-type": "text/event-stream", "x-content-type-options": "nosniff" };
    const fetch = checkedFetch(() => new Response(`id: 1\nevent: x\ndata: ${JSON.stringify(data)}\n\n`, { headers }));
    return await (await fetch(new Request("http://x/v1/events"))).text();
  };
  const event = { type: "lease.idle", at: LEASE.grantedAt, lease: LEASE };
  assert.match(await open(event), /lease\.idle/);
  await assert.rejects(open({ ...event, type: "lease.lost" }), /an event is not/);
  await assert.rejects(open({ ...event, lease: { ...LEASE, extra: 1 } }), /an event is not/);
});

const LEASE = EXAMPLES.lease;
const got = (body: unknown, status = 200, headers: Record<string, string> = {}): GotAnswer => ({
  status,
  headers: new Headers({ "x-content-type-options": "nosniff", "content-type": "application/json", ...headers }),
  text: JSON.stringify(body),
});
const GET_LEASE = { method: "GET", url: `http://x/v1/leases/${LEASE.id}`, body: undefined };

Deno.test("an exchange that is not as described is found", () => {
  const check = (answer: GotAnswer, request: Parameters<Contract["check"]>[0] = GET_LEASE) => {
    CONTRACT.check(request, answer);
  };
  check(got(LEASE));
  assert.throws(() => check(got({ ...LEASE, extra: 1 })), /must NOT have additional properties.*extra/);
  const { hold: _, ...without } = LEASE;
  assert.throws(() => check(got(without)), /must have required property 'hold'/);
  assert.throws(() => check(got({ ...LEASE, port: 0 })), /\/port must be >= 1/);
  assert.throws(() => check(got(LEASE, 203)), /no such status/);
  assert.throws(() => check(got(LEASE, 200, { "content-type": "text/html" })), /no text\/html/);
  assert.throws(() => check(got(LEASE, 200, { "retry-after": "1" })), /no header retry-after/);
  assert.throws(() => check(got(LEASE, 200, { "x-content-type-options": "" })), /nosniff/);
  assert.throws(() => check(got({}), { ...GET_LEASE, url: "http://x/v1/nothing" }), /no such call/);
  const gone = { "content-type": "application/problem+json" };
  check(got(problemExample("lease_ended"), 410, gone));
  assert.throws(() => check(got({ ...problemExample("lease_ended"), secret: 1 }, 410, gone)), /secret/);
  assert.throws(() => check(got(problemExample("port_leased"), 409, gone)), /no such status/);
  const grant = { method: "POST", url: "http://x/v1/leases", body: { port: 1, prot: 2 } };
  assert.throws(() => check(got(LEASE, 201), grant), /the request is not.*prot/);
});
