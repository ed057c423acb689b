/** A router that speaks NAT-PMP (RFC 6886): ports of IPv4. */
import { EpochWatch, natPmpEpochRule } from "../epoch.ts";
import { type Gateway, GatewayError, type MappingGrant, type MappingLook, type MappingRequest } from "../gateway.ts";
import { giveBack } from "../refusal.ts";
import { checkRequest, lifetimeField } from "../request_check.ts";
import { type RouterOptions, RouterPort } from "../router_port.ts";
import { decodeResponse, encodeRequest, type NatPmpMapping } from "./codec.ts";
import { askExternalAddress } from "./external_address.ts";
import { refusalOf } from "./results.ts";

/**
 * The router of a route, when it speaks NAT-PMP.
 *
 * @throws {GatewayError} `silent` when nothing answers, `unsupported` when something answers that speaks no NAT-PMP.
 */
export async function findNatPmp(
  { signal, ...options }: RouterOptions & { readonly signal?: AbortSignal },
): Promise<Gateway> {
  const gateway = new NatPmpGateway(options);
  try {
    await gateway.externalAddress(signal);
    return gateway;
  } catch (error) {
    gateway.close();
    throw error;
  }
}

class NatPmpGateway implements Gateway {
  readonly protocol = "nat-pmp";
  readonly family = "ipv4";
  readonly name = null;
  readonly address: string;
  readonly localAddress: string;
  readonly #router: RouterPort;
  readonly #epoch: EpochWatch;

  constructor(options: RouterOptions) {
    this.#router = new RouterPort("NAT-PMP", options);
    this.address = this.#router.address;
    this.localAddress = this.#router.localAddress;
    this.#epoch = new EpochWatch(natPmpEpochRule, this.#router.timer);
  }

  async externalAddress(signal?: AbortSignal): Promise<string | null> {
    return await askExternalAddress(this.#router, { signal, onEpoch: (epochS) => this.#epoch.see(epochS) });
  }

  async map(request: MappingRequest, signal?: AbortSignal): Promise<MappingGrant> {
    const { externalPort, isFixed, lifetimeS } = request;
    const granted = await this.#askMap(
      request,
      { what: "map", externalPort, lifetimeS: lifetimeField(lifetimeS) },
      signal,
    );
    const port = granted.externalPort;
    if (port === 0 || granted.lifetimeS === 0) {
      const what = `port ${port} for ${granted.lifetimeS} seconds`;
      const message =
        `The router ${this.address} has granted ${what} by NAT-PMP, of port ${externalPort} for ${lifetimeS}`;
      throw await giveBack(this, request, port, new GatewayError("failed", message));
    }
    if (isFixed && externalPort !== 0 && port !== externalPort) {
      const message = `The router ${this.address} has granted port ${port} by NAT-PMP, not ${externalPort}`;
      throw await giveBack(this, request, port, new GatewayError("port_taken", message));
    }
    return { external: { address: null, port }, lifetimeS: granted.lifetimeS };
  }

  async unmap(request: MappingRequest, _externalPort: number, signal?: AbortSignal): Promise<void> {
    await this.#askMap(request, { what: "delete the mapping of", externalPort: 0, lifetimeS: 0 }, signal);
  }

  /** NAT-PMP cannot read a mapping back. */
  look(): Promise<MappingLook> {
    return Promise.resolve("unknown");
  }

  async hasForgotten(signal?: AbortSignal): Promise<boolean> {
    await this.externalAddress(signal);
    return this.#epoch.takeLoss();
  }

  close(): void {
    this.#router.close();
  }

  /** Asks from the address that is mapped: the router takes the sender's. */
  async #askMap(
    asked: MappingRequest,
    { what, ...wishes }: Pick<NatPmpMapping, "externalPort" | "lifetimeS"> & { readonly what: string },
    signal: AbortSignal | undefined,
  ): Promise<NatPmpMapping> {
    checkRequest(asked, this.family);
    const { protocol, internal } = asked;
    const request = encodeRequest({ kind: "map", protocol, internalPort: internal.port, ...wishes });
    const read = (datagram: Uint8Array) => {
      const response = decodeResponse(datagram);
      if (response?.kind !== "map" || response.protocol !== protocol) return undefined;
      return (response.mapping?.internalPort ?? internal.port) === internal.port ? response : undefined;
    };
    const { result, epochS, mapping } = await this.#router.ask({ request, read, from: internal.address, signal });
    this.#epoch.see(epochS);
    if (result === 0 && mapping !== null) return mapping;
    throw refusalOf(this.address, `to ${what} port ${internal.port}/${protocol}`, result);
  }
}
