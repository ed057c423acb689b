/** The proof that this daemon knows the token, for clients that are about to send it. */
import type { Services } from "../src/daemon/daemon.ts";
import { PortdError } from "../src/errors.ts";
import { proofOf } from "../src/proof.ts";
import { checkQuery } from "./check.ts";
import type { Route } from "./guard.ts";
import { json } from "./headers.ts";
import { ProofQuery } from "./schema.ts";

/** `GET /proof`. */
export function proofRoutes({ guard: { token }, provable }: Pick<Services, "guard" | "provable">): readonly Route[] {
  return [{
    method: "GET",
    path: "/proof",
    scope: "none",
    does: "proves that this daemon knows the token",
    async handle(context) {
      const { nonce } = checkQuery(ProofQuery, context);
      const address = context.req.raw.headers.get("host")!.toLowerCase(); // the guard has seen it
      if (!provable.has(address)) {
        const expected = [...provable].join(" or ");
        const message = `Cannot prove who answers at ${address}: another program may; use ${expected}`;
        throw new PortdError("misdirected_host", message, { field: "host", value: address, expected });
      }
      return json({ proof: await proofOf({ token, address, nonce }) });
    },
  }];
}
