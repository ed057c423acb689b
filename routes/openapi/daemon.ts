/** The calls about the daemon itself, its file and its API. */
import { IMPORT_OUTCOME, LEASE_DOCUMENT, STATUS, STOPPING } from "../../src/client/answer_shapes.ts";
import { listOf, LONG_TEXT, object, oneOf, textLike } from "../../src/client/shape.ts";
import { ImportBody, ProofQuery } from "../schema.ts";
import { type Operation, type OperationGroup, queryOf } from "./operation.ts";

/** One call in the list of calls. */
interface ListedCall {
  readonly method: string;
  readonly path: string;
  readonly scope: string;
  readonly does: string;
}

const CALL = object<ListedCall>({
  method: oneOf<string>("GET", "PUT", "POST", "DELETE", "PATCH"),
  path: LONG_TEXT,
  scope: oneOf<string>("none", "lease", "expose"),
  does: LONG_TEXT,
});
const CALLS = object<{ readonly name: string; readonly version: string; readonly calls: readonly ListedCall[] }>({
  name: oneOf<string>("portd"),
  version: LONG_TEXT,
  calls: listOf(CALL, 1000),
});
const PROOF = object<{ readonly proof: string }>({ proof: textLike(/^[0-9a-f]{64}$/, "64 of the digits 0-9 a-f") });
/** A document that is described by its own standard. */
const ANY_OBJECT = { schema: { type: "object" } };

const statusOf = (status: string) => object<{ readonly status: string }>({ status: oneOf<string>(status) });

const LIST_CALLS: Operation = {
  id: "listCalls",
  summary: "Lists the calls",
  scope: "lease",
  answers: { 200: { is: "Every call with its scope", shape: CALLS, examples: ["calls"] } },
};
const HEALTH: Operation = {
  id: "isAlive",
  summary: "Answers while the daemon runs",
  scope: "none",
  answers: { 200: { is: "It runs", shape: statusOf("ok"), examples: ["ok"] } },
};
const READINESS: Operation = {
  id: "isReady",
  summary: "Answers whether the daemon is ready",
  scope: "none",
  answers: { 200: { is: "It is ready", shape: statusOf("ready"), examples: ["ready"] } },
  errors: ["shutting_down"],
};
const METRICS: Operation = {
  id: "showMetrics",
  summary: "Answers the daemon's metrics, for Prometheus",
  scope: "lease",
  answers: {
    200: {
      is: "Prometheus' text format, or OpenMetrics for whom accepts it",
      mediaType: "text/plain",
      alsoAs: "application/openmetrics-text",
      examples: ["metrics"],
    },
  },
};
const DOCUMENT: Operation = {
  id: "describeApi",
  summary: "Answers this document",
  scope: "lease",
  answers: { 200: { is: "The API as OpenAPI 3.1", shape: ANY_OBJECT } },
};

/** The same call outside of `/v1`. */
function atRoot(operation: Operation): Operation {
  return { ...operation, id: `${operation.id}AtRoot`, description: "The same as below `/v1`." };
}

/** The API itself. */
export const API_OPERATIONS: OperationGroup = {
  name: "API",
  does: "What there is to call.",
  operations: {
    "GET /v1": LIST_CALLS,
    "GET /": {
      ...atRoot(LIST_CALLS),
      description: "The same as below `/v1`; whoever accepts HTML, as browsers do, gets the dashboard.",
      answers: { 200: { ...LIST_CALLS.answers[200]!, alsoAs: "text/html" } },
    },
    "GET /v1/openapi.json": DOCUMENT,
    "GET /openapi.json": atRoot(DOCUMENT),
    "GET /v1/schema/portd.json": {
      id: "showProjectSchema",
      summary: "Answers the JSON Schema of portd.yaml",
      scope: "lease",
      answers: { 200: { is: "The schema", shape: ANY_OBJECT } },
    },
  },
};

/** The daemon. */
export const DAEMON_OPERATIONS: OperationGroup = {
  name: "Daemon",
  does: "The daemon itself, and the document of all that it keeps.",
  operations: {
    "GET /v1/status": {
      id: "showStatus",
      summary: "Shows version, counts and warnings of the daemon",
      scope: "lease",
      answers: { 200: { is: "The status", shape: STATUS, examples: ["status"] } },
    },
    "GET /v1/healthz": HEALTH,
    "GET /healthz": atRoot(HEALTH),
    "GET /v1/readyz": READINESS,
    "GET /readyz": atRoot(READINESS),
    "GET /v1/metrics": METRICS,
    "GET /metrics": atRoot(METRICS),
    "GET /v1/proof": {
      id: "prove",
      summary: "Proves that this daemon knows the token",
      description:
        "The proof is the HMAC-SHA256, in hexadecimal, of the text `portd-proof-1`, a line feed, the `Host` " +
        "header in lower case, a line feed, and the nonce; its key is the text of the token.",
      scope: "none",
      parameters: queryOf(ProofQuery, { nonce: "64 hexadecimal digits, random and new each time" }),
      answers: { 200: { is: "The proof", shape: PROOF, examples: ["proof"] } },
    },
    "GET /v1/export": {
      id: "exportLeases",
      summary: "Answers with all live leases and the ports of names, as a document",
      scope: "expose",
      answers: { 200: { is: "The document", shape: LEASE_DOCUMENT, examples: ["lease_document"] } },
    },
    "POST /v1/import": {
      id: "importLeases",
      summary: "Adds the leases of such a document",
      description: "A lease keeps its id, name, port, lifetime and labels. One that cannot be taken in is skipped.",
      scope: "expose",
      body: { schema: ImportBody, examples: ["lease_document"], isRequired: true },
      answers: {
        200: { is: "What was taken in, and what was not", shape: IMPORT_OUTCOME, examples: ["import_outcome"] },
      },
      errors: ["port_out_of_range", "store_unavailable"],
    },
    "POST /v1/stop": {
      id: "stopDaemon",
      summary: "Stops the daemon",
      description: "It finishes what it has in hand. Leases outlive it.",
      scope: "expose",
      answers: { 202: { is: "It stops", shape: STOPPING, examples: ["stopping"] } },
      errors: ["unsupported_media_type"],
    },
  },
};
