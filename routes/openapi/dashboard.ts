/** The calls with which a tab of the dashboard gets its rights. */
import { DASHBOARD_CODE } from "../../src/client/page_shapes.ts";
import { INSTANT, LONG_TEXT, object } from "../../src/client/shape.ts";
import { CodeBody, SessionBody } from "../dashboard_sessions.ts";
import type { OperationGroup } from "./operation.ts";

const SESSION = object<{ readonly token: string; readonly expiresAt: string }>({
  token: LONG_TEXT,
  expiresAt: INSTANT,
});

/** The dashboard. */
export const DASHBOARD_OPERATIONS: OperationGroup = {
  name: "Dashboard",
  does: "How `portd dashboard` gives a tab of the browser rights of its own, without the token in an address.",
  operations: {
    "POST /v1/dashboard/codes": {
      id: "makeDashboardCode",
      summary: "Makes a code that opens one session of the dashboard",
      description: "Takes the token itself: the token of a session makes no codes.",
      scope: "expose",
      body: { schema: CodeBody, examples: ["nothing", "code_for_any_user"] },
      answers: { 201: { is: "The code", shape: DASHBOARD_CODE, examples: ["dashboard_code"] } },
    },
    "POST /v1/dashboard/sessions": {
      id: "openDashboardSession",
      summary: "Opens a session of the dashboard for a code",
      scope: "none",
      body: { schema: SessionBody, examples: ["code"], isRequired: true },
      answers: { 201: { is: "The token of the session", shape: SESSION, examples: ["dashboard_session"] } },
      errors: ["unauthorized"],
    },
    "DELETE /v1/dashboard/sessions/current": {
      id: "endDashboardSession",
      summary: "Ends the session whose token is sent",
      scope: "expose",
      answers: { 204: { is: "It has ended" } },
      errors: ["not_found"],
    },
  },
};
