/** A client of UPnP and the fake router that it speaks to. */
import assert from "node:assert/strict";
import { GatewayError, type GatewayFault, type MappingRequest } from "../../../src/gateway/gateway.ts";
import { UpnpRouter } from "../../../src/gateway/upnp/client.ts";
import { FakeClock } from "../clock.ts";
import { FakeIgd } from "./igd.ts";

/** A router, and this host's view of it. */
export class RouterSetting implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly igd: FakeIgd;
  readonly router: UpnpRouter;

  constructor(version: 1 | 2 = 1) {
    this.igd = new FakeIgd({ version, clock: this.clock });
    const control = { address: this.igd.address, port: this.igd.httpPort, path: "/control" };
    const type = version === 1
      ? "urn:schemas-upnp-org:service:WANIPConnection:1"
      : "urn:schemas-upnp-org:service:WANIPConnection:2";
    const home = { family: "ipv4", gateway: this.igd.address, localAddress: this.igd.address } as const;
    this.router = new UpnpRouter({ type, control }, home, { name: "Fake", exchangeMs: 30_000, operationMs: 300_000 });
  }

  get table() {
    return this.igd.table;
  }

  /** The table in words. */
  get entries(): readonly string[] {
    return this.table.entries.map(({ protocol, externalPort, client, clientPort }) =>
      `${protocol} ${externalPort} -> ${client}:${clientPort}`
    ).sort();
  }

  /** The actions that were called since the last time. */
  calls(): readonly string[] {
    return this.table.calls.splice(0).map(({ action }) => action);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.router.close();
    await this.igd[Symbol.asyncDispose]();
  }
}

/** A wish of this host. */
export const wish = (changes: Partial<MappingRequest> = {}): MappingRequest => ({
  family: "ipv4",
  protocol: "tcp",
  internal: { address: "127.0.0.1", port: 8080 },
  nonce: "0".repeat(24),
  externalPort: 8080,
  isFixed: false,
  lifetimeS: 3600,
  description: "portd shop/web",
  ...changes,
});

/** Asserts that a call is refused. */
export async function refuses(fault: GatewayFault, call: Promise<unknown>, reason = /./): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof GatewayError, String(error));
    assert.equal(error.fault, fault, error.message);
    assert.match(error.message, reason);
    return true;
  });
}
