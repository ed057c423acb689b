/** What is done with a router's answer that is of no use. */
import { type Gateway, GatewayError, type MappingRequest } from "./gateway.ts";

/** No router keeps us from asking again for longer: half an hour is the longest that RFC 6887 section 7.4 advises. */
export const LONGEST_RETRY_S = 1800;

/**
 * Deletes a mapping that is not what was wanted. It is not kept from that by a signal, and takes a few seconds at most.
 *
 * @param why is what to throw.
 * @returns the same, or an error that also says that the mapping is still there.
 */
export async function giveBack(
  gateway: Pick<Gateway, "unmap">,
  request: MappingRequest,
  externalPort: number,
  why: GatewayError,
): Promise<GatewayError> {
  try {
    await gateway.unmap(request, externalPort);
    return why;
  } catch (cause) {
    if (!(cause instanceof GatewayError)) throw cause;
    return new GatewayError(why.fault, `${why.message}; and it could not be given back: ${cause.message}`, { cause });
  }
}
