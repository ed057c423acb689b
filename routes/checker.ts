/**
 * The HTTP of a checker, which faces the internet: an application of its own, with a guard of its own. What the daemon's
 * guard asks (Host, token, scope) does not apply: everybody may ask, about their own address.
 */
import { Hono } from "hono";
import { z } from "zod";
import type { Answerer } from "../src/checker/connections.ts";
import type { Checker, CheckRequest } from "../src/checker/checker.ts";
import { NONCE_TEXT } from "../src/checker/probe.ts";
import { describeChoices, invalidField, PortdError } from "../src/errors.ts";
import type { WriteLine } from "../src/log_line.ts";
import { HIGHEST_PORT, portExpected, PROTOCOLS } from "../src/port/port.ts";
import { check } from "./check.ts";
import { json } from "./headers.ts";
import { problemResponse } from "./problem.ts";

const PORT = portExpected(), NONCE = "32 hexadecimal digits in lower case";

/** Body of `POST /v1/check`. */
export const CheckerBody = z.strictObject({
  port: z.int({ error: PORT }).min(1, { error: PORT }).max(HIGHEST_PORT, { error: PORT }),
  protocol: z.enum(PROTOCOLS, { error: describeChoices(PROTOCOLS) }),
  nonce: z.string({ error: NONCE }).regex(NONCE_TEXT, { error: NONCE }).optional(),
}, { error: "a JSON object" }) satisfies z.ZodType<CheckRequest>;

type Environment = { Bindings: { readonly caller: string } };

/** The application. @param log gets faults of portd, without the request. */
export function createCheckerApp(checker: Pick<Checker, "check">, log: WriteLine): Answerer {
  const app = new Hono<Environment>();
  app.get("/healthz", () => json({ status: "ok" }));
  app.post("/v1/check", async ({ req: { raw }, env: { caller } }) => {
    requireJson(raw.headers);
    const body = check(CheckerBody, parseJson(await raw.text()));
    if (body.protocol === "udp" && body.nonce === undefined) throw invalidField("nonce", undefined, NONCE);
    return json(await checker.check(caller, body));
  });
  app.all("/v1/check", ({ req: { method } }) => refuseMethod(method, "POST"));
  app.all("/healthz", ({ req: { method } }) => refuseMethod(method, "GET"));
  app.notFound(() => {
    throw new PortdError("not_found", "Cannot find this here: a checker has POST /v1/check and GET /healthz");
  });
  const refuse = (error: unknown) => problemResponse(error, new Request("http://checker"), log);
  app.onError(refuse);
  return { answer: async (request, caller) => await app.fetch(request, { caller }), refuse };
}

/** A web page cannot send this type without a preflight, which is refused: no browser asks for its user unknowingly. */
function requireJson(headers: Headers): void {
  const type = headers.get("content-type");
  if (type?.split(";", 1).join().trim().toLowerCase() === "application/json") return;
  const message = 'Cannot accept the request: its Content-Type must be "application/json"';
  throw new PortdError("unsupported_media_type", message, { field: "content-type", expected: "application/json" });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new PortdError("invalid_request", "Cannot read the body: it is not JSON", { expected: "a JSON object" });
  }
}

function refuseMethod(method: string, allowed: string): never {
  throw new PortdError("method_not_allowed", `Cannot ${method} this: it takes ${allowed}`, { allow: [allowed] });
}
