/** The line as the parts of the daemon see it. Its own parts are loaded when it is first asked for. */
import type { InternetRoute, NetworkFacts } from "../adapters/adapters.ts";
import type { Config } from "../config.ts";
import { GatewayError } from "../gateway/gateway.ts";
import type { GatewaySearch, OpenOptions } from "../gateway/open.ts";
import type { EventLog } from "../lease/events.ts";
import type { LeaseTable } from "../lease/lease_table.ts";
import type { Store } from "../lease/store/store.ts";
import type { KnownLine, LineParts } from "../line/known_line.ts";
import type { Line } from "../line/line.ts";
import type { StunServer } from "../line/stun/server.ts";
import type { Machine } from "./machine.ts";

/** What a {@linkcode DaemonLine} is made of. */
export interface DaemonLineParts extends Omit<LineParts, "askRouter" | "file" | "stun"> {
  readonly store: Pick<Store, "lineLook" | "write">;
  readonly lookByStun: LineParts["stun"];
  /** Looks for the router; null where no protocol is to be spoken. */
  readonly openGateway: ((options: OpenOptions) => Promise<GatewaySearch>) | null;
}

/** What {@linkcode openLine} takes from the daemon. */
interface LineOptions
  extends Pick<Machine, "network" | "lookByStun" | "openGateway">, Pick<DaemonLineParts, "clock" | "log" | "router"> {
  readonly config: Config;
  readonly store: DaemonLineParts["store"];
  readonly registry: { readonly table: Pick<LeaseTable, "byPort"> };
  readonly events: Pick<EventLog, "publish">;
}

/** The line of a daemon. */
export function openLine(options: LineOptions): DaemonLine {
  const { config: { stun, gateway: { protocol } }, clock, registry, events, openGateway } = options;
  return new DaemonLine({
    ...options,
    servers: stun,
    openGateway: protocol === "none"
      ? null
      : (search) => openGateway(protocol === "auto" ? search : { ...search, protocols: [protocol] }),
    isReserved: (port) => registry.table.byPort(port, ["udp"]) !== undefined,
    publish: (event) => events.publish(event, clock.now()),
  });
}

/** Opens what is known of the line when it is first needed. */
export class DaemonLine {
  readonly #parts: DaemonLineParts;
  #opening: Promise<KnownLine> | undefined;
  #opened: KnownLine | undefined;
  #isClosed = false;

  constructor(parts: DaemonLineParts) {
    this.#parts = parts;
  }

  /** The line as it was last known; `undefined` while nobody has asked for it. */
  get known(): Line | undefined {
    return this.#opened?.line;
  }

  /** Takes notice of the network of this machine, which somebody else has just read. */
  see(facts: NetworkFacts): void {
    this.#opened?.see(facts);
  }

  /** The line as far as it is known; reads the network of this machine, and asks nobody. */
  async read(): Promise<Line> {
    return await (await this.#open()).read();
  }

  /** Asks STUN servers and the router. @throws {PortdError} as {@linkcode KnownLine.sample} does. */
  async sample(servers?: readonly StunServer[]): Promise<Line> {
    return await (await this.#open()).sample(servers);
  }

  /** Refuses an external port that the line cannot have. @throws {PortdError} as {@linkcode KnownLine.requirePort} does. */
  async requirePort(externalPort: number, internalPort: number): Promise<void> {
    await (await this.#open()).requirePort(externalPort, internalPort);
  }

  /** Ends what is under way. */
  close(): void {
    this.#isClosed = true;
    this.#opened?.close();
  }

  #open(): Promise<KnownLine> {
    this.#opening ??= this.#load().catch((error) => {
      this.#opening = undefined; // the next one tries again
      throw error;
    });
    return this.#opening;
  }

  async #load(): Promise<KnownLine> {
    const { KnownLine }: typeof import("../line/known_line.ts") = await load("line");
    const { openGateway } = this.#parts;
    const askRouter = async (route: InternetRoute, signal: AbortSignal) =>
      openGateway === null ? undefined : await outerAddress(await openGateway({ route, signal }), signal);
    const { store, lookByStun: stun } = this.#parts;
    const file = {
      load: () => store.lineLook(),
      save: (text: string) => store.write([{ kind: "lineLook", text }]),
    };
    const line = await KnownLine.open({ ...this.#parts, stun, file, askRouter });
    if (this.#isClosed) line.close();
    return this.#opened = line;
  }
}

/** The address on the router's outer side: null where it has none, undefined where it does not say. Closes the router. */
async function outerAddress({ gateway, refusals }: GatewaySearch, signal: AbortSignal) {
  if (gateway === null) return refusals.some(({ fault }) => fault === "no_address") ? null : undefined;
  try {
    return await gateway.externalAddress(signal);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return error.fault === "no_address" ? null : undefined;
  } finally {
    gateway.close();
  }
}

/** main.ts says why the import chooses. */
function load(part: "line") {
  return import(part === "line" ? "../line/known_line.ts" : "../line/kept_look.ts");
}
