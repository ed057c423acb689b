/** One-time codes, and the sessions of a tab that they open: `portd dashboard` brings no token into a browser's address. */
import { z } from "zod";
import type { Services } from "../src/daemon/daemon.ts";
import { PortdError } from "../src/errors.ts";
import { checkBody } from "./body.ts";
import { userOf } from "./caller.ts";
import { bearerOf, requireTokenItself, type Route } from "./guard.ts";
import { json, noContent } from "./headers.ts";
import { JSON_OBJECT, text } from "./fields.ts";

/** Body of `POST /dashboard/codes`. `anyUser` is for a code that a person takes to a browser of another user; no process then has it in its arguments. */
export const CodeBody = z.strictObject({ anyUser: z.boolean({ error: "true or false" }).optional() }, JSON_OBJECT);
/** Body of `POST /dashboard/sessions`. */
export const SessionBody = z.strictObject(
  { code: text(/^[0-9a-f]{40}$/, "a code: 40 hexadecimal digits") },
  JSON_OBJECT,
);

/** `POST /dashboard/codes`, `POST /dashboard/sessions`, `DELETE /dashboard/sessions/current`. */
export function dashboardSessionRoutes(parts: Pick<Services, "guard" | "callers" | "port">): readonly Route[] {
  const { guard } = parts, { sessions } = guard;
  return [
    {
      method: "POST",
      path: "/dashboard/codes",
      scope: "expose",
      does: "makes a code that opens one session of the dashboard",
      async handle(context) {
        requireTokenItself(context.req.raw, guard);
        const { anyUser = false } = await checkBody(CodeBody, context);
        const { text: code, expiresAt } = sessions.makeCode(anyUser ? null : await userOf(context, parts));
        return json({ code, expiresAt }, 201, NOT_KEPT);
      },
    },
    {
      method: "POST",
      path: "/dashboard/sessions",
      scope: "none",
      does: "opens a session of the dashboard for a code",
      async handle(context) {
        const { code } = await checkBody(SessionBody, context);
        const session = sessions.open(code, await userOf(context, parts));
        if (session === undefined) throw unusable();
        return json({ token: session.text, expiresAt: session.expiresAt }, 201, NOT_KEPT);
      },
    },
    {
      method: "DELETE",
      path: "/dashboard/sessions/current",
      scope: "expose",
      does: "ends the session whose token is sent",
      handle({ req }) {
        if (sessions.end(bearerOf(req.raw))) return noContent();
        throw new PortdError("not_found", "Cannot end a session: the request has the token itself");
      },
    },
  ];
}

const NOT_KEPT = { "cache-control": "no-store" } as const;

/** Guessing is hopeless; the pace of refusals keeps it from costing others anything. */
function unusable(): PortdError {
  const message =
    "Cannot open a session: the code is not known, was used, is older than a minute, or is another user's; " +
    "run portd dashboard again";
  return new PortdError("unauthorized", message, { retryAfter: 1 });
}
