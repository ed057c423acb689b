/**
 * What is known of the line: the last look by STUN, as long as this machine reaches the internet by the same way, and what
 * the router says of itself. Nobody on the internet is asked unless {@linkcode KnownLine.sample} is called.
 */
import type { InternetRoute, NetworkFacts, NetworkReader } from "../adapters/adapters.ts";
import type { Clock } from "../clock.ts";
import { messageOf, PortdError } from "../errors.ts";
import type { WriteLine } from "../log_line.ts";
import { addressBytes } from "../os/address.ts";
import type { Line, LineEvent } from "./line.ts";
import { chooseExternalPort, refusalText } from "./port_choice.ts";
import { type KeptLook, readKeptLook, type Way } from "./kept_look.ts";
import type { lookByStun } from "./stun/sample.ts";
import { type StunServer, stunServerText } from "./stun/server.ts";
import { judgeLine } from "./verdict.ts";

/** The router, as it was last seen. */
export interface RouterSide {
  /** Its address on this network. */
  readonly address: string;
  /** Its address on the outer side; null where it has none, undefined where that is not known. */
  readonly externalAddress: string | null | undefined;
}

/** What a {@linkcode KnownLine} is made of. */
export interface LineParts {
  readonly clock: Clock;
  readonly network: NetworkReader;
  /** The router that mappings are asked of; null where there is none, or none was needed. Asks nobody. */
  readonly router: () => RouterSide | null;
  /** Asks the router of this way for its outer address: null where it has none, undefined where it does not say. */
  readonly askRouter: (route: InternetRoute, signal: AbortSignal) => Promise<string | null | undefined>;
  readonly stun: typeof lookByStun;
  /** Whom to ask where a call names nobody. */
  readonly servers: readonly StunServer[];
  /** Local UDP ports that are somebody's. */
  readonly isReserved: (port: number) => boolean;
  /** The place of the last look. */
  readonly file: { readonly load: () => string | undefined; readonly save: (text: string) => Promise<void> };
  readonly publish: (event: LineEvent) => void;
  readonly log: WriteLine;
}

/** Keeps what is known. */
export class KnownLine {
  readonly #parts: LineParts;
  readonly #closing = new AbortController();
  #facts: NetworkFacts;
  #kept: KeptLook | undefined;
  #running: { readonly servers: string; readonly line: Promise<Line> } | undefined;
  /** The line when it was last published, without its samples. */
  #published: string;

  /** Reads the last look from the file, and the network of this machine. */
  static async open(parts: LineParts): Promise<KnownLine> {
    return new KnownLine(parts, await parts.network.read(), readKeptLook(parts.file.load()));
  }

  private constructor(parts: LineParts, facts: NetworkFacts, kept: KeptLook | undefined) {
    this.#parts = parts;
    this.#facts = facts;
    this.#kept = kept;
    this.#published = essence(this.#judge(kept));
    this.#publishChange();
  }

  /** The line as far as it is known, from the network as it was last read. */
  get line(): Line {
    return this.#judge(this.#valid());
  }

  /** The same, after reading this machine's network again. Asks nobody else. */
  async read(): Promise<Line> {
    return this.see(await this.#parts.network.read());
  }

  /** The same for a network that was just read. */
  see(facts: NetworkFacts): Line {
    this.#facts = facts;
    return this.#publishChange();
  }

  /**
   * Asks STUN servers, and the router. Calls for the same servers share one look.
   *
   * @param servers are asked in their order until two have answered.
   * @throws {PortdError} `stun_unavailable` where none answers, there is no way to the internet by IPv4, or another look is
   * under way.
   */
  async sample(servers: readonly StunServer[] = this.#parts.servers): Promise<Line> {
    const names = servers.map(stunServerText).join(",");
    if (this.#running !== undefined && this.#running.servers !== names) {
      throw unavailable(`other servers (${this.#running.servers}) are being asked now`, { retryAfter: 5 });
    }
    this.#running ??= {
      servers: names,
      line: this.#look(servers).finally(() => {
        this.#running = undefined;
      }),
    };
    return await this.#running.line;
  }

  /**
   * Refuses an external port that the line cannot have.
   *
   * @throws {PortdError} `port_not_on_line`, with a port of the line as `suggestion` where it has one.
   */
  async requirePort(externalPort: number, internalPort: number): Promise<void> {
    const line = await this.read();
    const choice = chooseExternalPort(line, externalPort, internalPort);
    if (choice.port !== null) return;
    const { suggestion, alternatives } = choice;
    const message = `Cannot open port ${externalPort} at the router: ${refusalText(choice)}`;
    throw new PortdError("port_not_on_line", message, {
      port: externalPort,
      verdict: line.verdict,
      doubts: line.doubts,
      usable: line.usable,
      alternatives,
      ...(suggestion === null ? {} : { suggestion }),
    });
  }

  /** Ends a look that is under way. */
  close(): void {
    this.#closing.abort(new PortdError("shutting_down", "Cannot look at the line: portd stops", { retryAfter: 5 }));
  }

  async #look(servers: readonly StunServer[]): Promise<Line> {
    if (servers.length === 0) throw unavailable("no STUN server is named, nor set in the configuration");
    const facts = await this.#parts.network.read();
    const route = facts.internet.ipv4;
    if (route === null) throw unavailable("this machine has no way to the internet by IPv4");
    const { signal } = this.#closing;
    const { clock, isReserved, stun, askRouter } = this.#parts;
    const known = this.#knownRouter(route)?.externalAddress;
    const [routerAddress, { look, failures }] = await Promise.all([
      known === undefined ? askRouter(route, signal) : known,
      stun(servers, { clock, isReserved, signal }),
    ]);
    if (look === null) throw unavailable(failures.join("; "), { retryAfter: 5 });
    await this.#keep({ look, way: wayOf(facts, routerAddress) });
    return await this.read(); // the network may be another one by now
  }

  async #keep(kept: KeptLook): Promise<void> {
    this.#kept = kept;
    try {
      await this.#parts.file.save(JSON.stringify(kept));
    } catch (error) {
      if (!(error instanceof PortdError)) throw error;
      this.#parts.log(`the line's verdict is lost at the next restart: ${messageOf(error)}`, "warning");
    }
  }

  /** The last look, where this machine still reaches the internet by the same way. */
  #valid(): KeptLook | undefined {
    const route = this.#facts.internet.ipv4;
    if (this.#kept === undefined || route === null) return undefined;
    const now = wayOf(this.#facts, this.#knownRouter(route)?.externalAddress);
    return isSameWay(this.#kept.way, now) ? this.#kept : undefined;
  }

  #judge(kept: KeptLook | undefined): Line {
    const { internet, adapters } = this.#facts;
    const route = internet.ipv4;
    const known = route === null ? undefined : this.#knownRouter(route)?.externalAddress;
    return judgeLine({
      look: kept?.look ?? null,
      // A router that has no address at this moment had one when the look was taken.
      routerAddress: known ?? (kept === undefined ? known : kept.way.routerAddress),
      localAddress: route?.address ?? null,
      ipv6Addresses: outerIpv6(this.#facts),
      tunnel: adapters.find(({ name, kind }) => name === route?.adapter && kind === "tunnel")?.name ?? null,
    });
  }

  /** The router of this way, as far as it is known without asking it. */
  #knownRouter({ gateway }: InternetRoute): RouterSide | undefined {
    const router = this.#parts.router();
    return router?.address === gateway ? router ?? undefined : undefined;
  }

  #publishChange(): Line {
    const { line } = this;
    const now = essence(line);
    if (now !== this.#published) this.#parts.publish({ type: "line.changed", line });
    this.#published = now;
    return line;
  }
}

/** What makes a line another one for those who open ports. */
function essence({ verdict, usable, certainty }: Line): string {
  return JSON.stringify([verdict, certainty, usable]);
}

/** The IPv6 addresses of the adapters that lead to the internet. */
function outerIpv6({ internet, adapters }: NetworkFacts): string[] {
  const names = [internet.ipv4?.adapter, internet.ipv6?.adapter];
  return adapters.filter(({ name }) => names.includes(name)).flatMap(({ addresses }) => addresses)
    .filter(({ family, scope }) => family === "ipv6" && scope === "global").map(({ address }) => address);
}

/** How many bytes of an IPv6 address a provider's prefix has that tells lines apart. */
const PREFIX_BYTES = 7;

function wayOf(facts: NetworkFacts, routerAddress: string | null | undefined): Way {
  const { adapter = null, gateway = null } = facts.internet.ipv4 ?? {};
  const prefixes = outerIpv6(facts).map((text) => (addressBytes(text) ?? []).slice(0, PREFIX_BYTES).join("."));
  const way = { adapter, gateway, prefixes: [...new Set(prefixes)].sort() };
  return routerAddress === undefined ? way : { ...way, routerAddress };
}

/**
 * Whether a look that was taken by one way is true of another. What is not known of one of them counts as the same, and so
 * does a router without an outer address, which is between two connections.
 */
function isSameWay(before: Way, now: Way): boolean {
  const hasPrefixes = before.prefixes.length > 0 && now.prefixes.length > 0;
  const isKnown = Boolean(before.routerAddress) && Boolean(now.routerAddress);
  return before.adapter === now.adapter && before.gateway === now.gateway &&
    (!hasPrefixes || before.prefixes.some((prefix) => now.prefixes.includes(prefix))) &&
    (!isKnown || before.routerAddress === now.routerAddress);
}

function unavailable(reason: string, data: { readonly retryAfter?: number } = {}): PortdError {
  return new PortdError("stun_unavailable", `Cannot look at the line: ${reason}`, data);
}
