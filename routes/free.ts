/** `POST /leases/{id}/free`: ends what listens for a lease, and releases it. */
import type { Context } from "hono";
import { z } from "zod";
import type { FreeRequest } from "../src/client/wire.ts";
import type { Services } from "../src/daemon/daemon.ts";
import type { LeaseRecord } from "../src/lease/record.ts";
import { checkBody } from "./body.ts";
import { type Fields, JSON_OBJECT, listOf, text, wholeNumber } from "./fields.ts";
import { json } from "./headers.ts";

/** Processes of one request: a server may have many that share its socket. */
const MOST_PROCESSES = 64;

const process = z.strictObject({
  pid: wholeNumber(1, 4_194_304),
  startTime: text(/^[\x20-\x7e]{1,64}$/, "the startTime of a listener"),
  bootId: text(/^[\x20-\x7e]{0,64}$/, "the bootId of a listener"),
}, JSON_OBJECT);
const processes = listOf(process, {
  least: 0,
  most: MOST_PROCESSES,
  expected: `an array of at most ${MOST_PROCESSES} processes`,
});

/** Body of `POST /leases/{id}/free`. */
export const FreeBody = z.strictObject({ processes } satisfies Fields<FreeRequest>, JSON_OBJECT);

/** Ends what listens for a lease. Only who has the token has the rights of the daemon's user, and may do so. */
export async function freeLease(
  context: Context,
  find: (context: Context) => Pick<LeaseRecord, "id">,
  { freeing }: Pick<Services, "freeing">,
): Promise<Response> {
  const { processes } = await checkBody(FreeBody, context);
  const { id } = find(context);
  return json({ ended: await freeing.free(id, processes), released: [id] });
}
