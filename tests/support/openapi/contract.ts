/**
 * Checks exchanges of the tests against docs/openapi.json. An answer must be one that is described: its status, media
 * type, headers, and each member, none of which may be missing from the description. A request that was accepted must be
 * one that the description allows.
 */
import assert from "node:assert/strict";
import type { ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { closed } from "./closed.ts";
import {
  type DescribedOperation,
  type DescribedResponse,
  findOperation,
  type OpenApi,
  type Schema,
} from "./find_operation.ts";

/** A request as it is checked. */
export interface SentRequest {
  readonly method: string;
  /** With the query. */
  readonly url: string;
  /** Parsed; `undefined` where there was none. */
  readonly body: unknown;
}

/** An answer as it is checked. */
export interface GotAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** The text; empty where there is none, and of a stream. */
  readonly text: string;
}

const DOCUMENT = new URL("../../../docs/openapi.json", import.meta.url);
const ID = "urn:portd:openapi";

/** What the document promises. */
export class Contract {
  readonly #document: OpenApi;
  readonly #ajv: Ajv2020;
  readonly #compiled = new Map<unknown, ValidateFunction>();

  constructor(document: OpenApi) {
    this.#document = closed(document) as OpenApi;
    this.#ajv = new Ajv2020({ strict: false, validateSchema: false });
    (addFormats as unknown as (ajv: Ajv2020) => void)(this.#ajv);
    this.#ajv.addSchema({ $id: ID, ...this.#document } as object);
  }

  /** @throws {AssertionError} where an exchange is not as described. */
  check(request: SentRequest, answer: GotAnswer): void {
    const path = decodeURI(new URL(request.url).pathname);
    const call = `${request.method} ${path} ${answer.status}`;
    assert.equal(answer.headers.get("x-content-type-options"), "nosniff", call);
    const found = findOperation(this.#document, request.method, path);
    if (found === undefined) return this.#checkUndescribed(call, answer);
    if (answer.status < 300) this.#checkRequest(call, request, found);
    const described = found.responses[answer.status];
    assert.ok(described, `${call}: docs/openapi.json has no such status: ${answer.text.slice(0, 500)}`);
    this.#checkAnswer(call, request, answer, this.#resolved(described));
  }

  /** @throws {AssertionError} where a value does not fit a schema of the document. @param what names the value. */
  checkNamed(what: string, schema: string, value: unknown): void {
    this.checkValue(what, { $ref: `#/components/schemas/${schema}` }, value);
  }

  /** No call: a refusal. The files of the dashboard are no part of the API. */
  #checkUndescribed(call: string, { status, headers, text }: GotAnswer): void {
    if (/^(?:GET|HEAD) \/dashboard\//.test(call)) return;
    assert.ok(status >= 400, `${call}: docs/openapi.json has no such call`);
    assert.equal(headers.get("content-type"), "application/problem+json", call);
    if (text !== "") this.checkNamed(call, "Problem", JSON.parse(text));
  }

  #checkRequest(call: string, { url, body }: SentRequest, { parameters = [], requestBody }: DescribedOperation): void {
    for (const [name, text] of new URL(url).searchParams) {
      const schema = parameters.find((parameter) => parameter.in === "query" && parameter.name === name)?.schema;
      assert.ok(schema, `${call}: docs/openapi.json has no parameter "${name}"`);
      const value = schema.type === "integer" ? Number(text) : schema.type === "boolean" ? text === "true" : text;
      this.checkValue(`${call}: the parameter ${name}`, schema, value);
    }
    const schema = requestBody?.content["application/json"]?.schema;
    if (body !== undefined && schema !== undefined) this.checkValue(`${call}: the request`, schema, body);
  }

  #checkAnswer(
    call: string,
    { method }: SentRequest,
    { headers, text }: GotAnswer,
    { content, headers: described = {} }: DescribedResponse,
  ): void {
    for (const name of NOTED_HEADERS) {
      const isDescribed = Object.keys(described).some((each) => each.toLowerCase() === name);
      if (headers.has(name)) assert.ok(isDescribed, `${call}: docs/openapi.json has no header ${name}`);
    }
    const type = headers.get("content-type")?.split(";", 1)[0];
    if (content === undefined) return assert.deepEqual([type, text], [undefined, ""], call);
    const media = content[type ?? ""];
    assert.ok(media, `${call}: docs/openapi.json has no ${type}`);
    if (!type?.endsWith("json") || method === "HEAD") return;
    const value = JSON.parse(text);
    this.checkValue(call, chosen(media.schema, value), value);
  }

  /** @throws {AssertionError} where a value does not fit a schema that may refer to the document. */
  checkValue(what: string, schema: object, value: unknown): void {
    const validate = this.#validator(schema);
    if (validate(value)) return;
    const faults = (validate.errors ?? []).map(({ instancePath, message, params }) =>
      `${instancePath || "it"} ${message} ${JSON.stringify(params)}`
    );
    assert.fail(
      `${what} is not as docs/openapi.json says: ${faults.join("; ")}\n${JSON.stringify(value).slice(0, 2000)}`,
    );
  }

  #validator(schema: object): ValidateFunction {
    const known = this.#compiled.get(schema);
    if (known !== undefined) return known;
    const text = JSON.stringify(schema).replaceAll('"$ref":"#', `"$ref":"${ID}#`);
    const compiled = this.#compiled.get(text) ?? this.#ajv.compile(JSON.parse(text));
    this.#compiled.set(schema, compiled).set(text, compiled);
    return compiled;
  }

  #resolved(response: DescribedResponse): DescribedResponse {
    const name = response.$ref?.split("/").at(-1);
    return name === undefined ? response : this.#document.components.responses[name]!;
  }
}

/** Of several refusals the one that it is; with all of them a fault would name none. */
function chosen(schema: Schema, value: { readonly [member: string]: unknown }): object {
  const { propertyName, mapping } = schema.discriminator ?? {};
  if (propertyName === undefined) return schema;
  const $ref = mapping![String(value[propertyName])];
  assert.ok($ref, `docs/openapi.json does not have the code ${value[propertyName]} here: ${JSON.stringify(value)}`);
  return { $ref };
}

/** Headers that a client goes by. */
const NOTED_HEADERS = ["retry-after", "www-authenticate", "preference-applied", "location", "etag", "set-cookie"];

/** The contract of the daemon. */
export const CONTRACT = new Contract(JSON.parse(Deno.readTextFileSync(DOCUMENT)));
