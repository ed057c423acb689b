/** What every gateway must do, over a router that does not exist and over a real one. */
import assert from "node:assert/strict";
import {
  type Family,
  type Gateway,
  GatewayError,
  type GatewayFault,
  type MappingGrant,
  type MappingRequest,
} from "../../../src/gateway/gateway.ts";
import type { Protocol } from "../../../src/port/port.ts";
import type { TableEntry } from "./mapping_table.ts";

/** A router with an empty table, and this host behind it. */
export interface ConformanceRouter extends AsyncDisposable {
  /** Closed by the test. */
  readonly gateway: Gateway;
  /** The shortest lifetime that the router grants. Where time is real, the tests last some six times as long. */
  readonly shortestLifetimeS: number;
  /** The longest lifetime that it grants; `Infinity` where it grants what it is asked for. */
  readonly longestLifetimeS: number;
  /** What {@linkcode Gateway.externalAddress} is to answer. */
  readonly externalAddress: string | null;
  /** What is mapped, read from the router and not through the gateway. Of a pinhole both ports are the internal one. */
  table(): Promise<readonly TableEntry[]>;
  /** Has another host behind the router take an external port, for longer than any test. Unused for pinholes. */
  mapForAnother(protocol: Protocol, externalPort: number): Promise<void>;
  /** Has time pass for the router. */
  pass(seconds: number): Promise<void>;
}

/** Options of {@linkcode testGatewayConformance}. */
export interface ConformanceOptions {
  /** Precedes the name of each test. */
  readonly name: string;
  readonly family: Family;
  /** Makes the router of one test. */
  readonly open: () => Promise<ConformanceRouter>;
  /** Whether {@linkcode Gateway.look} reads the router's table. @default false: it always answers `unknown` */
  readonly canLook?: boolean;
  /** Whether the router refuses to delete what was renewed, as miniupnpd does with PCP's pinholes. @default false */
  readonly losesNonces?: boolean;
  /** @default false */
  readonly ignore?: boolean;
}

/** Registers the tests, each with a router of its own. */
export function testGatewayConformance({ name, open, ignore = false, ...options }: ConformanceOptions): void {
  for (const [sentence, test] of Object.entries(gatewayConformanceTests(options))) {
    Deno.test({
      name: `${name}: ${sentence}`,
      ignore,
      async fn() {
        await using router = await open();
        try {
          await test(router);
        } finally {
          router.gateway.close();
        }
      },
    });
  }
}

/** One test. */
export type ConformanceTest = (router: ConformanceRouter) => Promise<void>;

/** The tests by what they show. */
export function gatewayConformanceTests(
  options: Pick<ConformanceOptions, "family" | "canLook" | "losesNonces">,
): Readonly<Record<string, ConformanceTest>> {
  const tests: HostTests = {
    ...MAPPING_TESTS,
    ...(options.losesNonces === true ? LOST_NONCE_TESTS : RENEWAL_TESTS),
    ...(options.family === "ipv4" ? PORT_TESTS : {}),
    ...(options.canLook === true ? LOOK_TESTS : BLIND_TESTS),
  };
  return Object.fromEntries(
    Object.entries(tests).map(([sentence, test]) => [sentence, (router) => test(new Host(router), router)]),
  );
}

type HostTests = Readonly<Record<string, (host: Host, router: ConformanceRouter) => Promise<void>>>;

const MAPPING_TESTS: HostTests = {
  async "ports are mapped and unmapped, TCP and UDP apart"(host) {
    const tcp = host.request({ protocol: "tcp" }), udp = host.request({ protocol: "udp" });
    const granted = [await host.map(tcp), await host.map(udp)];
    await host.expect([[tcp, granted[0]!], [udp, granted[1]!]]);
    await host.unmap(tcp, granted[0]!);
    await host.expect([[udp, granted[1]!]]);
    await host.unmap(udp, granted[1]!);
    await host.expect([]);
  },
  async "to delete what is not there is no error"(host) {
    const other = host.request({ port: 20418 }), granted = await host.map(other);
    const request = host.request({});
    await host.gateway.unmap(request, 20417);
    const gone = host.request({ port: 20419 });
    const was = await host.map(gone);
    for (let times = 0; times < 2; times++) await host.unmap(gone, was);
    await host.expect([[other, granted]]);
  },
  async "a grant says how long it lasts, and the router ends it then"(host, { shortestLifetimeS, pass }) {
    const request = host.request({ lifetimeS: shortestLifetimeS });
    const granted = await host.map(request);
    // Where it was read back, some of it has passed.
    const { lifetimeS } = granted;
    assert.ok(
      lifetimeS !== null && lifetimeS <= shortestLifetimeS && lifetimeS >= shortestLifetimeS / 2,
      `${lifetimeS} s`,
    );
    await host.expect([[request, granted]]);
    await pass(shortestLifetimeS + 2);
    await host.expect([]);
  },
  async "a lifetime that is longer than the router grants is granted as long as it does"(host, { longestLifetimeS }) {
    const lifetimeS = longestLifetimeS === Infinity ? 3600 : longestLifetimeS + 3600;
    const granted = await host.map(host.request({ lifetimeS }));
    const most = Math.min(lifetimeS, longestLifetimeS);
    assert.ok(
      granted.lifetimeS !== null && granted.lifetimeS <= most && granted.lifetimeS > most - 30,
      `${granted.lifetimeS} s`,
    );
  },
  async "a mapping that is renewed keeps its port, and lives on"(host, { shortestLifetimeS, pass }) {
    const lifetimeS = 2 * shortestLifetimeS, request = host.request({ lifetimeS });
    const first = await host.map(request);
    for (let times = 0; times < 2; times++) {
      await pass(1.5 * shortestLifetimeS);
      const renewed = await host.map(renewal(request, first));
      assert.deepEqual(renewed.external.port, first.external.port);
      await host.expect([[request, renewed]]);
    }
    await pass(lifetimeS + 2);
    await host.expect([]);
  },
  async "the external address is the router's"({ gateway }, { externalAddress }) {
    assert.equal(await gateway.externalAddress(), externalAddress);
  },
  async "a router that keeps its table has forgotten nothing"({ gateway }, { pass }) {
    assert.equal(await gateway.hasForgotten(), false);
    await pass(2);
    assert.equal(await gateway.hasForgotten(), false);
  },
  async "a call whose signal is aborted throws the signal's reason, and maps nothing"(host) {
    const reason = new Error("no longer wanted");
    await assert.rejects(host.gateway.map(host.request({}), AbortSignal.abort(reason)), reason);
    await host.expect([]);
  },
};

const RENEWAL_TESTS: HostTests = {
  async "a mapping that was renewed is deleted"(host) {
    const request = host.request({});
    const renewed = await host.map(renewal(request, await host.map(request)));
    await host.unmap(renewal(request, renewed), renewed);
    await host.expect([]);
  },
};

const LOST_NONCE_TESTS: HostTests = {
  async "a router that refuses to delete what was renewed is reported, and has it end as soon as it can"(host, router) {
    const request = host.request({});
    const renewed = await host.map(renewal(request, await host.map(request)));
    await host.refuses("not_authorized", host.unmap(renewal(request, renewed), renewed));
    await host.expect([[request, renewed]]);
    await router.pass(router.shortestLifetimeS / 2);
    await host.refuses("not_authorized", host.unmap(renewal(request, renewed), renewed)); // and does not prolong it
    await router.pass(router.shortestLifetimeS / 2 + 2);
    await host.expect([]);
    await host.unmap(renewal(request, renewed), renewed);
  },
};

const PORT_TESTS: HostTests = {
  async "the wanted external port is granted where it is free"(host) {
    const request = host.request({ externalPort: 20500 });
    const granted = await host.map(request);
    assert.equal(granted.external.port, 20500);
    await host.expect([[request, granted]]);
  },
  async "a fixed port that is free is granted, and again when it is renewed"(host) {
    const request = host.request({ externalPort: 20500, isFixed: true });
    for (let times = 0; times < 2; times++) {
      const granted = await host.map(request);
      assert.equal(granted.external.port, 20500);
      await host.expect([[request, granted]]);
    }
  },
  async "a fixed port that another host has is refused, and nothing is left of the attempt"(host, router) {
    await router.mapForAnother("tcp", 20500);
    const before = await router.table();
    await host.refuses("port_taken", host.gateway.map(host.request({ externalPort: 20500, isFixed: true })));
    assert.deepEqual(await router.table(), before);
  },
  async "where another host has the wanted port, another one is granted"(host, router) {
    await router.mapForAnother("tcp", 20500);
    const before = await router.table();
    const request = host.request({ externalPort: 20500 });
    const granted = await host.map(request);
    assert.notEqual(granted.external.port, 20500);
    await host.expect([[request, granted]]);
    await host.unmap(request, granted);
    assert.deepEqual(await router.table(), before);
  },
  async "another host that has taken the port of a mapping that ended keeps it"(host, router) {
    const request = host.request({ externalPort: 20500, lifetimeS: router.shortestLifetimeS });
    const granted = await host.map(request);
    await router.pass(router.shortestLifetimeS + 2);
    await router.mapForAnother("tcp", 20500);
    const before = await router.table();
    assert.equal(before.length, 1);
    await host.unmap(request, granted);
    assert.deepEqual(await router.table(), before);
  },
};

const LOOK_TESTS: HostTests = {
  async "a look says whether the mapping is set, gone, or another host's"({ gateway, request, map }, router) {
    const wish = request({ externalPort: 20500, lifetimeS: router.shortestLifetimeS });
    assert.equal(await gateway.look(wish, 20500), "gone");
    const granted = await map(wish);
    assert.equal(await gateway.look(renewal(wish, granted), 20500), "set");
    await router.pass(router.shortestLifetimeS + 2);
    assert.equal(await gateway.look(renewal(wish, granted), 20500), "gone");
    await router.mapForAnother("tcp", 20500);
    assert.equal(await gateway.look(renewal(wish, granted), 20500), "foreign");
  },
};

const BLIND_TESTS: HostTests = {
  async "a look says that nothing is known"({ gateway, request, map }) {
    const wish = request({});
    assert.equal(await gateway.look(wish, 20417), "unknown");
    await map(wish);
    assert.equal(await gateway.look(wish, 20417), "unknown");
  },
};

/** A request with what the last grant says, as a mapper renews and deletes. */
function renewal(request: MappingRequest, { external, handle }: MappingGrant): MappingRequest {
  return { ...request, externalPort: external.port, ...(handle === undefined ? {} : { handle }) };
}

/** What a test may want otherwise of a request. */
type Wishes = Partial<Pick<MappingRequest, "protocol" | "externalPort" | "isFixed" | "lifetimeS">> & {
  readonly port?: number;
};

/** This host, with its view of the router. */
class Host {
  readonly gateway: Gateway;
  readonly #router: ConformanceRouter;

  constructor(router: ConformanceRouter) {
    this.#router = router;
    this.gateway = router.gateway;
  }

  readonly request = ({ port = 20417, protocol = "tcp", ...wishes }: Wishes): MappingRequest => ({
    family: this.gateway.family,
    protocol,
    internal: { address: this.gateway.localAddress, port },
    nonce: `00112233445566778899${port.toString(16)}`.slice(-24).padStart(24, "0"),
    externalPort: 0,
    isFixed: false,
    lifetimeS: Math.max(600, this.#router.shortestLifetimeS),
    description: "portd conformance",
    ...wishes,
  });

  readonly map = async (request: MappingRequest): Promise<MappingGrant> => {
    const granted = await this.gateway.map(request);
    assert.ok(granted.external.port > 0 && granted.external.port <= 65535, `port ${granted.external.port}`);
    if (this.gateway.family === "ipv6") {
      assert.deepEqual(granted.external, request.internal);
    } else if (granted.external.address !== null) {
      assert.equal(granted.external.address, this.#router.externalAddress);
    }
    return granted;
  };

  async unmap(request: MappingRequest, granted: MappingGrant): Promise<void> {
    await this.gateway.unmap(renewal(request, granted), granted.external.port);
  }

  /** Asserts that this host has these mappings at the router, and no others. */
  async expect(mappings: readonly (readonly [MappingRequest, MappingGrant])[]): Promise<void> {
    const ours = (await this.#router.table()).filter(({ internal }) => internal.address === this.gateway.localAddress);
    const text = ({ protocol, externalPort, internal }: TableEntry) =>
      `${protocol} ${externalPort} -> ${internal.address} ${internal.port}`;
    const wanted = mappings.map(([{ protocol, internal }, { external }]) =>
      text({ protocol, externalPort: external.port, internal })
    );
    assert.deepEqual(ours.map(text).sort(), wanted.sort());
  }

  async refuses(fault: GatewayFault, call: Promise<unknown>): Promise<void> {
    await assert.rejects(call, (error) => {
      assert.ok(error instanceof GatewayError, String(error));
      assert.equal(error.fault, fault, error.message);
      return true;
    });
  }
}
