/** The router's part of the daemon, which is loaded when a lease first wants a mapping, or the file has one. */
import type { Config } from "../config.ts";
import { messageOf } from "../errors.ts";
import { GATEWAY_PROTOCOLS } from "../gateway/gateway.ts";
import type { Mapper, MapperParts } from "../gateway/mapper.ts";
import type { GatewayStatus, Mapping, WantedMapping } from "../gateway/mapping.ts";
import type { DomainEvent, EventLog } from "../lease/events.ts";
import type { Store } from "../lease/store/store.ts";

/** What a {@linkcode GatewayPart} is made of. */
export interface GatewayPartOptions extends Pick<MapperParts, "wanted" | "open" | "readNetwork" | "clock" | "log"> {
  /** What is known of the line, and reading it the first time, which asks nobody. */
  readonly line: { readonly known: ReturnType<MapperParts["line"]>; read(): Promise<unknown> };
  readonly config: Pick<Config, "gateway">;
  readonly store: Store;
  readonly events: EventLog;
  /** @default the mapper, loaded when it is called */
  readonly load?: () => Promise<typeof Mapper>;
}

/** The router and its mappings. */
export class GatewayPart {
  readonly #options: GatewayPartOptions;
  #mapper: Mapper | undefined;
  #opening: Promise<Mapper> | undefined;
  #isClosed = false;

  /** Starts the mapper where the file has mappings, or a lease wants some. */
  constructor(options: GatewayPartOptions) {
    this.#options = options;
    options.events.subscribe((event) => {
      if (mayChangeMappings(event, this.isOpen)) this.request();
    });
    if (options.store.mappings().length > 0) this.#start();
    else this.request();
  }

  /** Whether a lease has wanted the router since the start, or an earlier run has left mappings there. */
  get isOpen(): boolean {
    return this.#opening !== undefined;
  }

  /** How the mappings stand. Asks the router nothing. */
  status(): GatewayStatus {
    if (this.#mapper !== undefined) return this.#mapper.status();
    return { ipv4: null, ipv6: null, mappings: this.#options.wanted().map(unmade), faults: [] };
  }

  /** The router of IPv4, as far as it is known. */
  get router(): Mapper["router"] {
    return this.#mapper?.router ?? null;
  }

  /** What keeps wanted mappings from working, a sentence; null where nothing does. */
  get fault(): string | null {
    const bad = this.#mapper?.status().mappings.find(({ state }) => state === "failed" || state === "unusable");
    if (bad === undefined) return null;
    return `the mapping of ${bad.lease} at the router is ${bad.state}: ${bad.reason}; portd gateway list shows all of them`;
  }

  /** Asks for a sync where there is a mapping to care for, and does not wait for it. */
  request(): void {
    if (this.#mapper !== undefined) this.#mapper.request();
    else if (this.#options.wanted().length > 0) this.#start();
  }

  /** Looks for the router, and makes the mappings those that are wanted. Waits half a minute at most. */
  async sync(): Promise<GatewayStatus> {
    return await (await this.#open()).sync();
  }

  /** The mappings stay at the router: leases outlive a restart, and the next run renews them. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#opening?.catch(() => undefined); // it was logged
    await this.#mapper?.close();
  }

  #start(): void {
    if (this.#isClosed) return;
    this.#open().then(
      (mapper) => mapper.request(),
      (error) => this.#options.log(`mappings: ${messageOf(error)}`, "warning"),
    );
  }

  #open(): Promise<Mapper> {
    this.#opening ??= this.#load().catch((error) => {
      this.#opening = undefined; // the next one tries again
      throw error;
    });
    return this.#opening;
  }

  async #load(): Promise<Mapper> {
    const { load = loadMapper, config, store, events, line, ...parts } = this.#options;
    const { wanted, open, readNetwork, clock, log } = parts;
    const Mapper = await load();
    // The mapper says by itself where the network cannot be read.
    await line.read().catch((error) => log(`the line: ${messageOf(error)}`, "warning"));
    return this.#mapper = new Mapper({
      wanted,
      open,
      readNetwork,
      line: () => line.known,
      clock,
      log,
      protocols: protocolsOf(config),
      file: {
        read: () => store.mappings(),
        put: (records) => store.write(records.map((mapping) => ({ kind: "mapping", mapping }))),
        remove: (nonce) => store.write([{ kind: "forgetMapping", nonce }]),
      },
      publish: (event) => events.publish(event, clock.now()),
    });
  }
}

/** Most leases never ask the router. */
const CHANGES: ReadonlySet<DomainEvent["type"]> = new Set([
  "lease.granted",
  "lease.changed",
  "lease.released",
  "lease.revoked",
  "lease.expired",
]);

/** @param isOpen is whether there may be mappings already, which a lease does not want any more. */
function mayChangeMappings(event: DomainEvent, isOpen: boolean): boolean {
  if (event.type === "line.changed") return isOpen;
  if (!("record" in event) || !CHANGES.has(event.type)) return false;
  return (event.record.exposure?.gateway ?? null) !== null || (isOpen && event.type === "lease.changed");
}

function protocolsOf({ gateway: { protocol } }: Pick<Config, "gateway">): MapperParts["protocols"] {
  return protocol === "auto" ? GATEWAY_PROTOCOLS : protocol === "none" ? [] : [protocol];
}

function unmade({ port, lifetimeMs: _, ...wish }: WantedMapping): Mapping {
  const internal = { address: wish.family === "ipv4" ? "0.0.0.0" : "::", port };
  return { ...wish, internal, external: null, state: "making", reason: null, via: null, expiresAt: null };
}

/** main.ts says why the import chooses. */
async function loadMapper(): Promise<typeof Mapper> {
  const part: typeof import("../gateway/mapper.ts") = await load("mapper");
  return part.Mapper;
}

function load(part: "mapper" | "types") {
  return import(part === "mapper" ? "../gateway/mapper.ts" : "../gateway/gateway.ts");
}
