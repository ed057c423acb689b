/** A client of PCP at a router of the tests. */
import type { Gateway } from "../../../src/gateway/gateway.ts";
import { findPcp } from "../../../src/gateway/pcp/client.ts";
import type { FakeRouter } from "./fake_router.ts";
import type { HastyTimer } from "./hasty_timer.ts";

/** A gateway to a router. Where no timer is given, nothing is ever sent twice. */
export async function openPcp(
  router: FakeRouter,
  timer: HastyTimer | FakeRouter["clock"] = router.clock,
): Promise<Gateway> {
  const { address, port } = router;
  return await findPcp({ route: { address, gateway: address }, port, timer });
}

/** Where fields of a MAP response begin. */
export const MAP_PLACES = {
  lifetime: 4,
  nonce: 24,
  protocol: 36,
  internalPort: 40,
  externalPort: 42,
  externalAddress: 44,
} as const;

/** Changes the answers to MAP requests on their way. */
export function spoilMaps(router: FakeRouter, change: (answer: Uint8Array, view: DataView) => void): void {
  router.habits.send = (answer) => {
    if (answer[1] === 0x81) change(answer, new DataView(answer.buffer));
    return [answer];
  };
}
