/** The fake router as the conformance suite takes it. */
import { findNatPmp } from "../../../src/gateway/nat_pmp/client.ts";
import { findPcp } from "../../../src/gateway/pcp/client.ts";
import type { ConformanceRouter } from "./conformance.ts";
import { FakeRouter } from "./fake_router.ts";

/** Options of {@linkcode openFakeConformance}. */
export interface FakeConformanceOptions {
  readonly protocol: "pcp" | "nat-pmp";
  /** Of the router and of this host. @default 127.0.0.1 */
  readonly address?: string;
  /** Changes the router before it is asked. */
  readonly prepare?: (router: FakeRouter) => void;
}

/** An address behind the router that nothing is asked from. */
const ANOTHER_HOST = "192.0.2.99";

/** A router that speaks the one protocol alone. */
export async function openFakeConformance(options: FakeConformanceOptions): Promise<ConformanceRouter> {
  const { protocol, address = "127.0.0.1", prepare } = options;
  const router = new FakeRouter({ address });
  router.habits.speaksPcp = protocol === "pcp";
  router.habits.speaksNatPmp = protocol === "nat-pmp";
  prepare?.(router);
  const find = protocol === "pcp" ? findPcp : findNatPmp;
  const gateway = await find({ route: { address, gateway: address }, port: router.port, timer: router.clock });
  return {
    gateway,
    shortestLifetimeS: router.habits.shortestLifetimeS,
    longestLifetimeS: router.habits.longestLifetimeS,
    externalAddress: address.includes(":") ? address : router.habits.externalAddress,
    table: () => Promise.resolve(router.table.entries().map(entryOf)),
    mapForAnother(protocol, externalPort) {
      const internal = { address: ANOTHER_HOST, port: externalPort };
      router.table.set({ protocol, externalPort, internal, secret: "another", lifetimeS: 86_400 });
      return Promise.resolve();
    },
    pass(seconds) {
      router.clock.advance(1000 * seconds);
      return Promise.resolve();
    },
    [Symbol.asyncDispose]: () => router[Symbol.asyncDispose](),
  };
}

function entryOf({ protocol, externalPort, internal }: ReturnType<FakeRouter["table"]["entries"]>[number]) {
  return { protocol, externalPort, internal };
}
