/**
 * Makes the OpenAPI 3.1 document (OpenAPI Specification 3.1.1) of the calls. Pure: the same calls give the same text. The
 * schemas of requests are those that check them (zod), the schemas of answers are the shapes by which clients check them.
 */
import { type ErrorCode, STATUS_OF_CODE } from "../../src/errors.ts";
import { VERSION } from "../../src/version.ts";
import { type ExampleName, EXAMPLES } from "./examples.ts";
import type { Answer, Body, Operation, OperationGroup, Parameter } from "./operation.ts";
import { problemExample, problemName, problemSchemas } from "./problem_schemas.ts";
import { PROBLEMS } from "./problems.ts";
import { componentSchemas, schemaOf } from "./schemas.ts";

/** A part of the document. */
type Json = Readonly<Record<string, unknown>>;

/** The methods in the order in which a path has them. */
const METHODS = ["get", "put", "post", "delete", "patch"];

const ABOUT = `portd reserves, tracks and frees TCP and UDP ports for local services.

Every \`POST\`, \`PUT\` and \`PATCH\` carries \`Content-Type: application/json\`, also without a body, and at most 64 KiB. A
field that is not named here is refused; a query parameter that is not named here is refused or ignored. A later version
may add members to answers, and codes of errors.

What holds for every call stands here once. A path that there is not is refused with \`not_found\`, another method with
\`method_not_allowed\`; \`OPTIONS\` is never answered, as there is no CORS. \`HEAD\` is answered as \`GET\` without a body.
Every answer has the headers \`X-Content-Type-Options: nosniff\` and \`Content-Security-Policy\`.`;

/** The document. */
export function describeApi(groups: readonly OperationGroup[]): Json {
  const entries = groups.flatMap(({ name, operations }) =>
    Object.entries(operations).map(([call, operation]) => [call, describeOperation(operation, name)] as const)
  );
  return {
    openapi: "3.1.1",
    info: { title: "portd", summary: "The port authority of this machine", description: ABOUT, version: VERSION },
    jsonSchemaDialect: "https://json-schema.org/draft/2020-12/schema",
    servers: [{ url: "http://127.0.0.1:7678", description: "The default address; in WSL the port is 7688" }],
    tags: groups.map(({ name, does }) => ({ name, description: does })),
    paths: pathsOf(entries),
    components: {
      schemas: sorted({ ...componentSchemas(), ...problemSchemas() }),
      responses: sorted(refusalsOf(groups.flatMap(({ operations }) => Object.values(operations)))),
      examples: sorted({ ...namedExamples(), ...problemExamples() }),
      securitySchemes: { token: TOKEN },
    },
  };
}

const TOKEN = {
  type: "http",
  scheme: "bearer",
  description: "The text of the file admin.token in the daemon's state folder. " +
    "Calls of the scope `expose` always take it; calls of the scope `lease` do so where `auth.anonymous` is `none`.",
};

/** Path by path, in the order of their names. */
function pathsOf(entries: readonly (readonly [call: string, operation: Json])[]): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const [call, operation] of entries) {
    const [method = "", path = ""] = call.split(" ");
    (paths[path] ??= {})[method.toLowerCase()] = operation;
  }
  const inOrder = Object.entries(paths).map(([path, methods]) => [
    path,
    Object.fromEntries(METHODS.flatMap((method) => methods[method] ? [[method, methods[method]]] : [])),
  ]);
  return sorted(Object.fromEntries(inOrder));
}

function describeOperation(operation: Operation, tag: string): Json {
  const { id, summary, description, scope, parameters = [], body, answers } = operation;
  const responses: Record<string, Json> = {};
  for (const [status, answer] of Object.entries(answers)) responses[status] = describeAnswer(answer);
  for (const [status, codes] of refusalCodes(operation)) {
    responses[status] = { $ref: `#/components/responses/${refusalName(codes)}` };
  }
  return {
    operationId: id,
    summary,
    ...(description !== undefined && { description }),
    tags: [tag],
    "x-portd-scope": scope,
    security: scope === "none" ? [] : scope === "lease" ? [{}, { token: [] }] : [{ token: [] }],
    ...(parameters.length > 0 && { parameters: parameters.map(describeParameter) }),
    ...(body && { requestBody: describeBody(body) }),
    responses,
  };
}

function describeParameter({ in: place, name, schema, does, isRequired }: Parameter): Json {
  return { in: place, name, description: does, required: isRequired, schema: schemaOf(schema) };
}

function describeBody({ schema, examples, isRequired = false }: Body): Json {
  return { required: isRequired, content: { "application/json": contentOf(schemaOf(schema), examples) } };
}

function describeAnswer({ is, shape, mediaType = "application/json", alsoAs, headers, examples = [] }: Answer): Json {
  const described = headers && Object.fromEntries(
    Object.entries(headers).map(([name, { does, schema }]) => [name, { description: does, schema }]),
  );
  const schema = shape === undefined ? { type: "string" } : schemaOf(shape);
  const hasContent = shape !== undefined || mediaType !== "application/json";
  return {
    description: is,
    ...(described && { headers: described }),
    ...(hasContent && {
      content: {
        [mediaType]: contentOf(schema, examples),
        ...(alsoAs !== undefined && { [alsoAs]: contentOf({ type: "string" }, []) }),
      },
    }),
  };
}

function contentOf(schema: object, examples: readonly ExampleName[]): Json {
  const named = examples.map((name) => [name, { $ref: `#/components/examples/${name}` }]);
  return { schema, ...(named.length > 0 && { examples: Object.fromEntries(named) }) };
}

/** The codes with which a call may be refused, by status. */
function refusalCodes({ scope, body, errors = [] }: Operation): Map<string, readonly ErrorCode[]> {
  const codes = new Set<ErrorCode>([
    "misdirected_host",
    "forbidden_origin",
    "payload_too_large",
    "internal",
    "invalid_request",
    ...(scope === "none" ? [] : ["unauthorized"] as const),
    ...(scope === "expose" ? ["scope_required"] as const : []),
    ...(body === undefined ? [] : ["unsupported_media_type", "request_timeout"] as const),
    ...errors,
  ]);
  const byStatus = new Map<string, ErrorCode[]>();
  for (const code of [...codes].sort()) {
    const status = String(STATUS_OF_CODE[code]);
    byStatus.set(status, [...byStatus.get(status) ?? [], code]);
  }
  return byStatus;
}

function refusalName(codes: readonly ErrorCode[]): string {
  return codes.join("_or_");
}

/** The refusals that calls share. */
function refusalsOf(operations: readonly Operation[]): Record<string, Json> {
  const sets = operations.flatMap((operation) => [...refusalCodes(operation).values()]);
  return Object.fromEntries(sets.map((codes) => [refusalName(codes), describeRefusal(codes)]));
}

function describeRefusal(codes: readonly ErrorCode[]): Json {
  const references = codes.map((code) => ({ $ref: `#/components/schemas/${problemName(code)}` }));
  const schema = references.length === 1
    ? references[0]!
    : { oneOf: references, discriminator: discriminatorOf(codes) };
  const headers = {
    ...(codes.some((code) => PROBLEMS[code].retries) && { "Retry-After": RETRY_AFTER }),
    ...(codes.includes("unauthorized") && { "WWW-Authenticate": WWW_AUTHENTICATE }),
  };
  const examples = codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]);
  return {
    description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].when}`).join("\n\n"),
    ...(Object.keys(headers).length > 0 && { headers }),
    content: { "application/problem+json": { schema, examples: Object.fromEntries(examples) } },
  };
}

function discriminatorOf(codes: readonly ErrorCode[]): Json {
  const mapping = codes.map((code) => [code, `#/components/schemas/${problemName(code)}`]);
  return { propertyName: "code", mapping: Object.fromEntries(mapping) };
}

const RETRY_AFTER = {
  description: "Seconds after which another try may succeed; absent where no waiting helps",
  schema: { type: "integer", minimum: 0 },
};
const WWW_AUTHENTICATE = { description: "How to send the token", schema: { const: "Bearer" } };

function namedExamples(): Record<string, Json> {
  return Object.fromEntries(Object.entries(EXAMPLES).map(([name, value]) => [name, { value }]));
}

function problemExamples(): Record<string, Json> {
  const codes = Object.keys(PROBLEMS) as ErrorCode[];
  return Object.fromEntries(codes.map((code) => [code, { value: problemExample(code) }]));
}

function sorted(record: Readonly<Record<string, unknown>>): Json {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => a < b ? -1 : 1));
}
