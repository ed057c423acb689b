/** Whatever a router answers, a call ends with a grant that can be one, or with a refusal. */
import assert from "node:assert/strict";
import type { Timer } from "../../src/clock.ts";
import { type Gateway, GatewayError } from "../../src/gateway/gateway.ts";
import { findNatPmp } from "../../src/gateway/nat_pmp/client.ts";
import { findPcp } from "../../src/gateway/pcp/client.ts";
import { addressBytes } from "../../src/os/address.ts";
import { FakeRouter } from "../support/gateway/fake_router.ts";
import { mutate } from "../support/gateway/mutations.ts";
import { mappingRequest } from "../support/gateway/requests.ts";
import { Random } from "../support/random.ts";

const CALLS = 300;

for (const [name, find] of [["PCP", findPcp], ["NAT-PMP", findNatPmp]] as const) {
  Deno.test(`${name}: ${CALLS} calls to a router that answers with mutated packets`, async () => {
    await using router = new FakeRouter();
    const { address, port } = router, timer = new AnsweredTimer(), random = new Random(5351);
    router.habits.send = (answer) => {
      timer.answered++;
      return [answer];
    };
    const gateway = await find({ route: { address, gateway: address }, port, timer });
    router.habits.send = (answer) => {
      timer.answered++;
      return Array.from({ length: random.int(1, 4) }, () => random.chance(0.2) ? answer : mutate(answer, random));
    };
    const outcomes = { granted: 0, refused: 0 };
    for (let i = 0; i < CALLS; i++) {
      router.habits.refusal = random.chance(0.1) ? random.below(256) : 0;
      outcomes[await callOnce(gateway, random)]++;
    }
    assert.ok(outcomes.granted > 20 && outcomes.refused > 20, JSON.stringify(outcomes));
    gateway.close();
  });
}

/** A timer for questions that are all answered: each of its durations ends some turns of the event loop after that. */
class AnsweredTimer implements Timer {
  answered = 0;
  #asked = 0;

  monotonic(): number {
    return 0;
  }

  after(_: number, callback: () => void): () => void {
    const number = ++this.#asked;
    let turns = 3, timer: ReturnType<typeof setTimeout> | undefined;
    const turn = () => {
      if (this.answered >= number && turns-- === 0) callback();
      else timer = setTimeout(turn, 0);
    };
    turn();
    return () => clearTimeout(timer);
  }
}

/** One call of any kind, with what it answers looked at. */
async function callOnce(gateway: Gateway, random: Random): Promise<"granted" | "refused"> {
  const request = mappingRequest({ externalPort: random.pick([0, 20500]), isFixed: random.chance(0.5) });
  try {
    const call = random.pick(["map", "map", "unmap", "externalAddress", "hasForgotten"] as const);
    if (call === "map") await mapOnce(gateway, request);
    else if (call === "unmap") await gateway.unmap(request, 20417);
    else if (call === "hasForgotten") assert.equal(typeof await gateway.hasForgotten(), "boolean");
    else assertAddress(await gateway.externalAddress());
    return "granted";
  } catch (error) {
    assert.ok(error instanceof GatewayError, String(error));
    assert.ok((error.retryAfterS ?? 1) >= 1 && (error.retryAfterS ?? 1) <= 1800, `${error.retryAfterS}`);
    return "refused";
  }
}

async function mapOnce(gateway: Gateway, request: ReturnType<typeof mappingRequest>): Promise<void> {
  const { external, lifetimeS } = await gateway.map(request);
  assert.ok(external.port >= 1 && external.port <= 65535);
  assert.ok(lifetimeS !== null && lifetimeS >= 1 && lifetimeS < 2 ** 32);
  if (request.isFixed && request.externalPort !== 0) assert.equal(external.port, request.externalPort);
  assertAddress(external.address);
}

function assertAddress(address: string | null): void {
  assert.ok(address === null || addressBytes(address) !== undefined, `${address}`);
}
