/** The calls about what lies outside of the daemon: firewall, router, network and line. client.ts has all the others. */
import type { CallOptions, Calls } from "./calls.ts";
import { MOST_BODY_BYTES } from "./transport.ts";
import type {
  FirewallStatus,
  GatewayStatus,
  Line,
  LineSampleRequest,
  NetworkFacts,
  ReachReport,
  ReachRequest,
} from "./wire.ts";

/** For a firewall: each of its programs may take up to a minute, and there are several. */
const FIREWALL_MS = 120_000;
const FIREWALL_BOUNDS = { extraMs: FIREWALL_MS, mostBytes: MOST_BODY_BYTES };
/** The daemon answers a sync after half a minute at the latest, with 4,096 mappings at most. */
const GATEWAY_BOUNDS = { extraMs: 30_000, mostBytes: 16 << 20 };
/** For every adapter of a machine with thousands of containers. */
const MOST_NETWORK_BYTES = 8 << 20;
/** Four servers may each be waited for. */
const LINE_BOUNDS = { extraMs: 30_000 };

/** A part of `PortdClient`. */
export class OutsideClient {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** The host's firewall: wanted rules, actual ones and the difference. Needs the token. */
  async firewall(options: CallOptions = {}): Promise<FirewallStatus> {
    return await this.#calls.get("/firewall", answer("FIREWALL_STATUS"), { ...FIREWALL_BOUNDS, ...options });
  }

  /** Makes the firewall's rules those that are wanted; with `dryRun` it only answers what that would change. */
  async syncFirewall(
    { dryRun = false, ...options }: CallOptions & { readonly dryRun?: boolean } = {},
  ): Promise<FirewallStatus> {
    const shape = answer("FIREWALL_STATUS");
    const call = { method: "POST", path: "/firewall/sync", body: { dryRun }, shape } as const;
    return await this.#calls.json({ ...call, ...FIREWALL_BOUNDS, ...options });
  }

  /** The router as it was last seen, and the mappings that leases want. Asks the router nothing. */
  async gateway(options: CallOptions = {}): Promise<GatewayStatus> {
    return await this.#calls.get("/gateway", answer("GATEWAY_STATUS"), { ...GATEWAY_BOUNDS, ...options });
  }

  /** Has the daemon make the mappings those that are wanted, now; answers how they then stand. Needs the token. */
  async syncGateway(options: CallOptions = {}): Promise<GatewayStatus> {
    const call = { method: "POST", path: "/gateway/sync", body: {}, shape: answer("GATEWAY_STATUS") } as const;
    return await this.#calls.json({ ...call, ...GATEWAY_BOUNDS, ...options });
  }

  /** The adapters of the daemon's machine, their addresses, and the way to the internet. */
  async network(options: CallOptions = {}): Promise<NetworkFacts> {
    return await this.#calls.get("/network", outside("NETWORK"), { mostBytes: MOST_NETWORK_BYTES, ...options });
  }

  /** Which external ports the line can have, as far as is known. Nobody on the internet is asked. */
  async line(options: CallOptions = {}): Promise<Line> {
    return await this.#calls.get("/line", outside("LINE"), options);
  }

  /** Has the daemon ask STUN servers and the router how the line changes ports. Needs the token. */
  async sampleLine(request: LineSampleRequest = {}, options: CallOptions = {}): Promise<Line> {
    const call = { method: "POST", path: "/line/sample", body: request, shape: outside("LINE") } as const;
    return await this.#calls.json({ ...call, ...LINE_BOUNDS, ...options });
  }

  /**
   * What keeps others from a port, layer after layer. What asks the router and reads the firewall, or listens, needs the
   * token.
   */
  async checkPort(port: number, request: ReachRequest = {}, options: CallOptions = {}): Promise<ReachReport> {
    const shape = async () => (await import("./reach_shape.ts")).REACH_REPORT;
    const call = { method: "POST", path: `/ports/${port}/check`, body: request, shape } as const;
    return await this.#calls.json({ ...call, extraMs: FIREWALL_MS, ...options });
  }
}

/** The shapes: many scripts never need them. */
const answerShapes = () => import("./answer_shapes.ts");
const answer = <Name extends keyof Awaited<ReturnType<typeof answerShapes>>>(name: Name) => async () =>
  (await answerShapes())[name];
const outsideShapes = () => import("./outside_shapes.ts");
const outside = <Name extends keyof Awaited<ReturnType<typeof outsideShapes>>>(name: Name) => async () =>
  (await outsideShapes())[name];
