/** A router that speaks PCP (RFC 6887): ports of IPv4, pinholes of IPv6. */
import type { Protocol } from "../../port/port.ts";
import { EpochWatch, pcpEpochRule } from "../epoch.ts";
import {
  type Family,
  type Gateway,
  GatewayError,
  type MappingGrant,
  type MappingLook,
  type MappingRequest,
} from "../gateway.ts";
import { newNonce } from "../nonce.ts";
import { askExternalAddress } from "../nat_pmp/external_address.ts";
import { type RouterOptions, RouterPort } from "../router_port.ts";
import { giveBack, LONGEST_RETRY_S } from "../refusal.ts";
import { checkRequest, lifetimeField } from "../request_check.ts";
import { bindDatagrams } from "../udp_exchange.ts";
import {
  ANNOUNCE,
  decodeResponse,
  encodeRequest,
  MAP,
  type PcpMapping,
  type PcpOption,
  type PcpRequest,
  type PcpResponse,
  PREFER_FAILURE,
} from "./codec.ts";
import { describeResult, resultFault, resultName } from "./results.ts";
import { GRACE_S, Shortened } from "./shortened.ts";

const PROTOCOL_NUMBERS = { tcp: 6, udp: 17 } as const satisfies Record<Protocol, number>;
const ANY_ADDRESS = { ipv4: "0.0.0.0", ipv6: "::" } as const satisfies Record<Family, string>;

/**
 * The router of a route, when it speaks PCP.
 *
 * @throws {GatewayError} `silent` when nothing answers, `unsupported` when something answers that speaks no PCP.
 */
export async function findPcp(
  { signal, ...options }: RouterOptions & { readonly signal?: AbortSignal },
): Promise<Gateway> {
  const gateway = new PcpGateway(options);
  try {
    await gateway.greet(signal);
    return gateway;
  } catch (error) {
    gateway.close();
    throw error;
  }
}

class PcpGateway implements Gateway {
  readonly protocol = "pcp";
  readonly name = null;
  readonly family: Family;
  readonly address: string;
  readonly localAddress: string;
  readonly #router: RouterPort;
  readonly #natPmp: RouterPort;
  readonly #epoch: EpochWatch;
  readonly #shortened: Shortened;
  /** Whether the router also answers NAT-PMP's question for its outer address. */
  #tellsAddress = true;

  constructor(options: RouterOptions) {
    this.#router = new RouterPort("PCP", options);
    this.#natPmp = new RouterPort("NAT-PMP", options);
    this.address = this.#router.address;
    this.localAddress = this.#router.localAddress;
    this.family = this.localAddress.includes(":") ? "ipv6" : "ipv4";
    this.#epoch = new EpochWatch(pcpEpochRule, this.#router.timer);
    this.#shortened = new Shortened(this.#router.timer);
  }

  /** Asks whether the router speaks PCP. One that has no ANNOUNCE may have MAP all the same. @throws {GatewayError} */
  async greet(signal?: AbortSignal): Promise<void> {
    const { result, lifetimeS } = await this.#announce(signal);
    if (result !== 0 && resultName(result) !== "UNSUPP_OPCODE") throw this.#refusal("to be asked", result, lifetimeS);
  }

  /** PCP does not tell the address by itself: see section 11.6. Of IPv6 it is this host's own, as nothing is translated. */
  async externalAddress(signal?: AbortSignal): Promise<string | null> {
    if (this.family === "ipv6") return this.localAddress;
    if (this.#tellsAddress) {
      try {
        return await askExternalAddress(this.#natPmp, { mostSendings: 2, signal });
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
      }
    }
    const address = await this.#addressOfTrial(signal);
    this.#tellsAddress = false;
    return address;
  }

  /** The address that a mapping gets which is deleted at once. It leads to a port that nobody else can have meanwhile. */
  async #addressOfTrial(signal: AbortSignal | undefined): Promise<string | null> {
    const socket = bindDatagrams(this.localAddress, this.address);
    const request = trialRequest(this.localAddress, (socket.addr as Deno.NetAddr).port);
    try {
      const { external } = await this.map(request, signal);
      await this.unmap(request, external.port, signal).catch(endsByItself);
      return external.address;
    } catch (error) {
      if (error instanceof GatewayError && error.fault === "no_address") return null;
      throw error;
    } finally {
      socket.close();
    }
  }

  async map(request: MappingRequest, signal?: AbortSignal): Promise<MappingGrant> {
    const { internal, isFixed, lifetimeS } = request;
    this.#shortened.remove(request.nonce);
    const response = await this.#makeMapping(request, signal);
    if (response.result !== 0) throw this.#refusal(`to map ${portText(request)}`, response.result, response.lifetimeS);
    const { externalPort, externalAddress } = response.mapping;
    // miniupnpd answers 0 for the port of a pinhole that was renewed: it is the internal one in any case.
    const port = externalPort === 0 && this.family === "ipv6" ? internal.port : externalPort;
    const grant = {
      external: { address: this.#tellable(externalAddress, internal.address), port },
      lifetimeS: response.lifetimeS,
    };
    if (port === 0 || grant.lifetimeS === 0) {
      const what = `port ${port} for ${grant.lifetimeS} seconds`;
      const message = `The router ${this.address} has granted ${what} by PCP, of ${portText(request)} for ${lifetimeS}`;
      throw await giveBack(this, request, port, new GatewayError("failed", message));
    }
    if (isFixed && wantedPort(request) !== 0 && port !== wantedPort(request)) {
      const message = `The router ${this.address} has granted port ${port} by PCP, not ${wantedPort(request)}`;
      throw await giveBack(this, request, port, new GatewayError("port_taken", message));
    }
    return grant;
  }

  /** Asks for a mapping, at first with the option that no other port is of use, where it is none. */
  async #makeMapping(request: MappingRequest, signal: AbortSignal | undefined): Promise<MapResponse> {
    const ask = (options: readonly PcpOption[]) =>
      this.#askMap(
        request,
        { externalPort: wantedPort(request), lifetimeS: lifetimeField(request.lifetimeS), options },
        signal,
      );
    if (!request.isFixed || this.family === "ipv6" || request.externalPort === 0) return await ask([]);
    const response = await ask([{ code: PREFER_FAILURE, data: new Uint8Array() }]);
    const name = resultName(response.result);
    return name === "UNSUPP_OPTION" || name === "MALFORMED_OPTION" ? await ask([]) : response;
  }

  async unmap(request: MappingRequest, _externalPort: number, signal?: AbortSignal): Promise<void> {
    const { result, lifetimeS } = await this.#askMap(request, { externalPort: 0, lifetimeS: 0, options: [] }, signal);
    // To delete takes no resources: miniupnpd says by this that there is no such mapping.
    if (result === 0 || resultName(result) === "NO_RESOURCES") return;
    const refusal = this.#refusal(`to delete the mapping of ${portText(request)}`, result, lifetimeS);
    if (refusal.fault !== "not_authorized") throw refusal;
    const lastS = this.family === "ipv6" ? await this.#shorten(request, signal) : undefined;
    const end = lastS === undefined ? "it lasts until its lifetime ends" : `it now ends in ${lastS} seconds`;
    const message = `${refusal.message}: the router does not take our nonce for that of the mapping; ${end}`;
    throw new GatewayError(refusal.fault, message, lastS === undefined ? {} : { retryAfterS: lastS + GRACE_S });
  }

  /**
   * Has a pinhole end soon that cannot be deleted: miniupnpd forgets the nonce when it renews one, and renews it all the
   * same. The pinhole leads to this host in any case. One that was shortened is let end: to ask again would prolong it.
   *
   * @returns the seconds until then; `undefined` when it was refused.
   */
  async #shorten(request: MappingRequest, signal: AbortSignal | undefined): Promise<number | undefined> {
    const leftS = this.#shortened.secondsLeft(request.nonce);
    if (leftS !== undefined) return leftS;
    const wishes = { externalPort: request.internal.port, lifetimeS: 1, options: [] };
    const { result, lifetimeS } = await this.#askMap(request, wishes, signal);
    if (result !== 0) return undefined;
    this.#shortened.add(request.nonce, lifetimeS);
    return lifetimeS;
  }

  /** PCP cannot read a mapping back. */
  look(): Promise<MappingLook> {
    return Promise.resolve("unknown");
  }

  async hasForgotten(signal?: AbortSignal): Promise<boolean> {
    await this.#announce(signal);
    return this.#epoch.takeLoss();
  }

  close(): void {
    this.#router.close();
    this.#natPmp.close();
  }

  async #announce(signal: AbortSignal | undefined): Promise<PcpResponse> {
    const request = { opcode: ANNOUNCE, lifetimeS: 0, clientAddress: this.localAddress, mapping: null, options: [] };
    return await this.#ask(request, this.localAddress, (response) => response, signal);
  }

  /** Sends a MAP request from the address that is mapped, as the router compares them (section 8.2). */
  async #askMap(
    asked: MappingRequest,
    { externalPort, lifetimeS, options }: Pick<PcpRequest, "lifetimeS" | "options"> & { readonly externalPort: number },
    signal: AbortSignal | undefined,
  ): Promise<MapResponse> {
    checkRequest(asked, this.family);
    const { nonce, protocol, internal } = asked, number = PROTOCOL_NUMBERS[protocol];
    const mapping = {
      nonce,
      protocol: number,
      internalPort: internal.port,
      externalPort,
      externalAddress: ANY_ADDRESS[this.family],
    };
    const request = { opcode: MAP, lifetimeS, clientAddress: internal.address, mapping, options };
    return await this.#ask(request, internal.address, (response) => {
      const { mapping } = response;
      const isOurs = mapping?.nonce === nonce && mapping.protocol === number && mapping.internalPort === internal.port;
      return isOurs ? { ...response, mapping } : undefined;
    }, signal);
  }

  /** @param accept gives the answer when the response is one to this request. */
  async #ask<T extends PcpResponse>(
    request: PcpRequest,
    from: string,
    accept: (response: PcpResponse) => T | undefined,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const read = (datagram: Uint8Array) => {
      const response = decodeResponse(datagram);
      return response?.opcode === request.opcode ? accept(response) : undefined;
    };
    const response = await this.#router.ask({ request: encodeRequest(request), read, from, signal });
    this.#epoch.see(response.epochS);
    return response;
  }

  #refusal(what: string, result: number, lifetimeS: number): GatewayError {
    const message = `The router ${this.address} refuses by PCP ${what}: ${describeResult(result)}`;
    const options = lifetimeS > 0 ? { retryAfterS: Math.min(lifetimeS, LONGEST_RETRY_S) } : {};
    return new GatewayError(resultFault(result), message, options);
  }

  /** An external address as it is reported. One that is any address, or of the other family, says nothing. */
  #tellable(external: string, internal: string): string | null {
    const isIpv6 = this.family === "ipv6";
    if (external !== ANY_ADDRESS[this.family] && external.includes(":") === isIpv6) return external;
    return isIpv6 ? internal : null;
  }
}

/** A response to a MAP request. */
type MapResponse = PcpResponse & { readonly mapping: PcpMapping };

/** The external port to ask for. A pinhole has the internal one unless it was granted otherwise: miniupnpd loses a 0. */
function wantedPort({ family, externalPort, internal }: MappingRequest): number {
  return family === "ipv6" && externalPort === 0 ? internal.port : externalPort;
}

function portText({ protocol, internal }: MappingRequest): string {
  return `port ${internal.port}/${protocol}`;
}

/** Passes over a router's refusal to delete a mapping that is there for a minute only. */
function endsByItself(error: unknown): void {
  if (!(error instanceof GatewayError)) throw error;
}

function trialRequest(address: string, port: number): MappingRequest {
  const internal = { address, port };
  const wishes = { externalPort: 0, isFixed: false, lifetimeS: 60, description: "" };
  return { family: "ipv4", protocol: "udp", internal, nonce: newNonce(), ...wishes };
}
