/** The router as one family sees it: found on the way to the internet, and left alone for a while after it failed. */
import type { InternetRoute } from "../adapters/adapters.ts";
import type { Clock } from "../clock.ts";
import { pauseAfter, type Pauses } from "../wait.ts";
import { type Family, type Gateway, GatewayError, type GatewayProtocol } from "./gateway.ts";
import type { GatewaySide } from "./mapping.ts";

/** The pauses after failures, of a router and of a mapping. */
export const RETRY: Pauses = { pauseMs: 1000, longestPauseMs: 600_000 };

/** A router may ask to be left alone for so long, in milliseconds. */
const LONGEST_WISH_MS = 3_600_000;

/** How long to wait after so many failures in a row, in milliseconds; longer where the router asks for it. */
export function pauseOf(failures: number, error?: GatewayError): number {
  const asked = Math.min((error?.retryAfterS ?? 0) * 1000, LONGEST_WISH_MS);
  return Math.max(pauseAfter(failures, RETRY), asked);
}

/** Finds the router of a way to the internet. Whoever gets a gateway closes it. */
export type OpenGateway = (options: {
  readonly route: InternetRoute;
  /** Where that is the way of IPv6: that of IPv4. */
  readonly ipv4Route: InternetRoute | null;
  readonly protocols: readonly GatewayProtocol[];
  readonly signal: AbortSignal;
}) => Promise<{ readonly gateway: Gateway | null; readonly refusals: readonly { readonly reason: string }[] }>;

/** What a {@linkcode Side} is made of. */
export interface SideParts {
  readonly open: OpenGateway;
  /** Which protocols may be spoken; none where mappings are switched off. */
  readonly protocols: readonly GatewayProtocol[];
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const NAMES: Readonly<Record<Family, string>> = { ipv4: "IPv4", ipv6: "IPv6" };

/** The router of one family. */
export class Side {
  readonly family: Family;
  readonly #parts: SideParts;
  /** Undefined before the network was read; null where no way leads to the internet. */
  #route: InternetRoute | null | undefined;
  #ipv4Route: InternetRoute | null = null;
  #gateway: Gateway | null = null;
  /** Its outer address; undefined where that is not known. */
  #external: string | null | undefined;
  #reason: string | null = null;
  #failures = 0;
  #notBefore = -Infinity;
  /** When the router is asked next whether it has kept its table, on the clock since boot. */
  checkAt = -Infinity;

  constructor(family: Family, parts: SideParts) {
    this.family = family;
    this.#parts = parts;
  }

  get route(): InternetRoute | null | undefined {
    return this.#route;
  }

  get gateway(): Gateway | null {
    return this.#gateway;
  }

  /** The router's outer address; null where it has none, undefined where that is not known. */
  get external(): string | null | undefined {
    return this.#external;
  }

  /** Whether the way to the internet has a router, as far as is known. */
  get hasRouter(): boolean {
    return Boolean(this.#route?.gateway);
  }

  /** Why no router is spoken to, a sentence; null where one is, or none was looked for yet. */
  get obstacle(): string | null {
    if (this.#parts.protocols.length === 0) return "mappings are switched off: gateway.protocol is none";
    if (this.#gateway !== null || this.#route === undefined) return null;
    if (this.#route === null) return `this machine has no way to the internet by ${NAMES[this.family]}`;
    return this.#reason;
  }

  /** When a router may be looked for again, on the clock since boot; never where there is no way to one. */
  get searchAt(): number {
    return this.#gateway !== null || !this.#route || this.#parts.protocols.length === 0 ? Infinity : this.#notBefore;
  }

  /** What clients see of it. */
  get status(): GatewaySide | null {
    if (this.#gateway === null) return null;
    const { family, protocol, address, name } = this.#gateway;
    return { family, protocol, address, name, externalAddress: this.#external ?? null };
  }

  /** Takes the way to the internet as it is now. Another one than before has another router. */
  follow(route: InternetRoute | null, ipv4Route: InternetRoute | null): void {
    const isKnown = this.#route !== undefined && isSameRoute(this.#route, route);
    if (isKnown && isSameRoute(this.#ipv4Route, ipv4Route)) return;
    this.#route = route;
    this.#ipv4Route = ipv4Route;
    this.reset();
  }

  /** Speaks to the router from the beginning, without a pause. */
  reset(): void {
    this.#close();
    this.#reason = null;
    this.hurry();
  }

  /** Ends the pause after a failure. */
  hurry(): void {
    this.#failures = 0;
    this.#notBefore = -Infinity;
    this.checkAt = -Infinity;
  }

  /**
   * Looks for the router where none is known and no pause holds.
   *
   * @param known is the protocol in which mappings were made before: another one would not find them.
   */
  async open(known: GatewayProtocol | undefined): Promise<void> {
    const { clock, protocols } = this.#parts;
    if (this.searchAt > clock.monotonic()) return;
    const isKnown = known !== undefined && protocols.includes(known) && protocols.length > 1;
    const reason = isKnown ? await this.#search([known]) : undefined;
    if (this.#gateway === null) this.#reason = await this.#search(protocols) ?? reason ?? null;
    if (this.#gateway === null) this.#pause();
    else this.#failures = 0;
  }

  /** Looks for the router in all protocols, without a pause. */
  async searchAgain(): Promise<void> {
    this.hurry();
    await this.open(undefined);
  }

  /** The router has failed as a whole: it is looked for again after a pause. */
  fail(error: GatewayError): void {
    this.#close();
    this.#reason = error.message;
    this.#pause(error);
  }

  /** Asks for the outer address. @throws {GatewayError} */
  async readExternal(): Promise<void> {
    const gateway = this.#gateway;
    if (gateway === null) return;
    try {
      this.#external = await gateway.externalAddress(this.#parts.signal);
    } catch (error) {
      if (!(error instanceof GatewayError) || error.fault === "silent") throw error;
      this.#external = error.fault === "no_address" ? null : undefined;
    }
  }

  /** Ends the conversation. */
  close(): void {
    this.#close();
  }

  /** @returns why none was found. */
  async #search(protocols: readonly GatewayProtocol[]): Promise<string | undefined> {
    const { open, signal } = this.#parts;
    const { gateway, refusals } = await open({ route: this.#route!, ipv4Route: this.#ipv4Route, protocols, signal });
    this.#gateway = gateway;
    if (gateway !== null) return undefined;
    const reasons = [...new Set(refusals.map(({ reason }) => reason))].join("; ");
    return reasons === "" ? "no router answers" : `no router answers: ${reasons}`;
  }

  #pause(error?: GatewayError): void {
    this.#notBefore = this.#parts.clock.monotonic() + pauseOf(++this.#failures, error);
  }

  #close(): void {
    this.#gateway?.close();
    this.#gateway = null;
    this.#external = undefined;
    this.checkAt = -Infinity;
  }
}

function isSameRoute(a: InternetRoute | null, b: InternetRoute | null): boolean {
  return a?.adapter === b?.adapter && a?.address === b?.address && a?.gateway === b?.gateway;
}
