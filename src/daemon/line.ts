/** The line as the parts of the daemon see it. Its own parts are loaded when it is first asked for. */
import type { InternetRoute } from "../adapters/adapters.ts";
import { GatewayError } from "../gateway/gateway.ts";
import type { GatewaySearch, OpenOptions } from "../gateway/open.ts";
import type { KnownLine, LineParts } from "../line/known_line.ts";
import type { Line } from "../line/line.ts";
import type { StunServer } from "../line/stun/server.ts";

/** What a {@linkcode DaemonLine} is made of. */
export interface DaemonLineParts extends Omit<LineParts, "askRouter"> {
  /** Looks for the router; null where no protocol is to be spoken. */
  readonly openGateway: ((options: OpenOptions) => Promise<GatewaySearch>) | null;
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

  /** The line as far as it is known; reads the network of this machine, and asks nobody. */
  async read(): Promise<Line> {
    return await (await this.#open()).read();
  }

  /** Asks STUN servers and the router. @throws {PortdError} as {@linkcode KnownLine.sample} does. */
  async sample(servers?: readonly StunServer[]): Promise<Line> {
    return await (await this.#open()).sample(servers);
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
    const line = await KnownLine.open({ ...this.#parts, askRouter });
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
