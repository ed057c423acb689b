/** The proof that this daemon knows the token, for clients that are about to send it. */
import { PortdError } from "../src/errors.ts";
import { proofOf } from "../src/proof.ts";
import type { GuardOptions } from "./guard.ts";
import { json } from "./headers.ts";
import { checkQuery } from "./query.ts";
import type { Route } from "./route.ts";
import { ProofQuery } from "./schema.ts";

/** What this route asks of the daemon. */
export interface ProofRoutesParts {
  readonly guard: Pick<GuardOptions, "token">;
  /** Values of the Host header at which nobody but this daemon can be reached on this machine. */
  readonly provable: ReadonlySet<string>;
}

/** `GET /proof`. */
export function proofRoutes({ guard: { token }, provable }: ProofRoutesParts): readonly Route[] {
  return [{
    method: "GET",
    path: "/proof",
    scope: "none",
    async handle(context) {
      const { nonce } = checkQuery(ProofQuery, context);
      const address = context.req.raw.headers.get("host")!.toLowerCase(); // the guard has seen it
      if (!provable.has(address)) {
        const message = `Cannot prove who answers at ${address}: another program may; use ${
          [...provable].join(" or ")
        }`;
        throw new PortdError("misdirected_host", message, {
          field: "host",
          value: address,
          expected: [...provable].join(" or "),
        });
      }
      return json({ proof: await proofOf({ token, address, nonce }) });
    },
  }];
}
