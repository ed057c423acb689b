/** Requests for mappings, and what tests say about refusals. */
import assert from "node:assert/strict";
import { GatewayError, type MappingRequest } from "../../../src/gateway/gateway.ts";

/** A request of the host of the tests for its port 20417. */
export function mappingRequest(wishes: Partial<MappingRequest> = {}): MappingRequest {
  return {
    family: "ipv4",
    protocol: "tcp",
    internal: { address: "127.0.0.1", port: 20417 },
    nonce: "00112233445566778899aabb",
    externalPort: 0,
    isFixed: false,
    lifetimeS: 600,
    description: "portd test",
    ...wishes,
  };
}

/** The refusal with which a call fails. */
export async function refusalOf(call: Promise<unknown>): Promise<GatewayError> {
  try {
    await call;
  } catch (error) {
    assert.ok(error instanceof GatewayError, String(error));
    return error;
  }
  assert.fail("the call succeeded");
}
