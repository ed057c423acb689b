/** The leases that `portd open` opens: those that are there, and those that it makes for what nobody has leased. */
import type { CallOptions, Lease, PortdClient, PortDescription, PortSocket, Protocol } from "../../client/client.ts";
import { NoDaemonError } from "../../client/transport.ts";
import type { ExposureRequest, LeaseRequest } from "../../client/wire.ts";
import { messageOf, PortdError } from "../../errors.ts";
import { PROTOCOLS } from "../../port/port.ts";
import { processText } from "../../process/command_line.ts";

/** A part of a port that nobody has leased. */
export interface UnleasedPart {
  readonly protocols: readonly Protocol[];
  /** Who listens on it; `undefined` when nobody does. */
  readonly listener: PortSocket | undefined;
  /** A service that has no lease yet, instead of a port. */
  readonly service?: Omit<LeaseRequest, "lifetime" | "exposure">;
}

/** What is to be opened of a port. */
export interface Selection {
  readonly leases: readonly Lease[];
  readonly unleased: readonly UnleasedPart[];
}

/**
 * Chooses what to open of a port.
 *
 * @param protocols are those that were asked for. Without any it is the first lease of the port; where there is none, the
 * protocols on which somebody listens, or TCP.
 */
export function select(
  { leases, listeners }: Pick<PortDescription, "leases" | "listeners">,
  protocols: readonly Protocol[] = [],
): Selection {
  if (protocols.length === 0 && leases.length > 0) {
    return { leases: [leases.find((lease) => lease.protocols.includes("tcp")) ?? leases[0]!], unleased: [] };
  }
  const used = PROTOCOLS.filter((protocol) => listeners.some((socket) => socket.protocol === protocol));
  const wanted: readonly Protocol[] = protocols.length > 0 ? protocols : used.length > 0 ? used : ["tcp"];
  const chosen = leases.filter((lease) => lease.protocols.some((protocol) => wanted.includes(protocol)));
  const missing = wanted.filter((protocol) => !chosen.some((lease) => lease.protocols.includes(protocol)));
  return { leases: chosen, unleased: partsOf(missing, listeners) };
}

/** One part for each process that listens; a protocol on which nobody listens goes with the first of them. */
function partsOf(protocols: readonly Protocol[], listeners: readonly PortSocket[]): UnleasedPart[] {
  const listenerOn = (protocol: Protocol) => listeners.find((socket) => socket.protocol === protocol);
  const [first] = protocols.flatMap((protocol) => listenerOn(protocol) ?? []);
  const byProcess = Map.groupBy(protocols, (protocol) => (listenerOn(protocol) ?? first)?.pid);
  return [...byProcess.values()].map((part) => ({
    protocols: part,
    listener: part.flatMap((protocol) => listenerOn(protocol) ?? [])[0],
  }));
}

/** The process of a listener in a few words. */
export function listenerText({ pid, process }: PortSocket): string {
  if (pid === null) return "a process that the daemon cannot see";
  return processText(pid, process?.command);
}

/** How a new lease ends, in words. */
export function endText({ lifetime, holder }: Lease): string {
  if (lifetime.kind === "process") return `until pid ${holder.pid} ends`;
  return lifetime.kind === "pinned" ? "until it is released" : "for as long as somebody listens on it";
}

/** Leases that are open. */
interface OpenedAll {
  readonly leases: readonly Lease[];
  /** Those of the leases that were made. */
  readonly made: readonly Lease[];
}

/** Options of {@linkcode Opening}. */
export interface OpeningOptions {
  /** Ends what the opening does; taking it back has limits of its own. */
  readonly signal?: AbortSignal;
}

/** How long taking back may take in all. */
const TAKE_BACK_MS = 5000;

/** What was done so far, so that a failure can be undone. */
export class Opening {
  readonly #client: PortdClient;
  readonly #exposure: ExposureRequest;
  readonly #options: OpeningOptions;
  readonly #id = crypto.randomUUID();
  readonly #undo: ((options: CallOptions) => Promise<unknown>)[] = [];

  constructor(client: PortdClient, exposure: ExposureRequest, options: OpeningOptions = {}) {
    this.#client = client;
    this.#exposure = exposure;
    this.#options = options;
  }

  /** Opens all of a selection, its new leases last. */
  async openAll({ port, leases: live, unleased }: Selection & { readonly port: number }): Promise<OpenedAll> {
    const made: Lease[] = [], leases: Lease[] = [];
    for (const part of unleased) made.push(await this.lease(port, part));
    for (const lease of live) leases.push(await this.open(lease));
    return { leases: [...leases, ...made], made };
  }

  /** Opens a lease that is there. */
  async open({ id, exposure: before }: Lease): Promise<Lease> {
    const undo = (options: CallOptions) =>
      before === null ? this.#client.conceal(id, options) : this.#client.expose(id, before, options);
    return await this.#noting(undo, () => this.#client.expose(id, this.#exposure, this.#options));
  }

  /** Makes a lease that is open from its first moment: of the process that listens there, or until it is released. */
  async lease(port: number, { protocols, listener, service = { port, protocols } }: UnleasedPart): Promise<Lease> {
    const holder: LeaseRequest = listener === undefined ? { lifetime: { kind: "pinned" } } : { inUse: true };
    const request = { ...service, exposure: this.#exposure, ...holder };
    // With its key the same request answers the same lease: so a lease is found again whose answer did not arrive.
    const grant = (options: CallOptions) =>
      this.#client.grant(request, { idempotencyKey: this.#key(port, protocols), ...options });
    const undo = async (options: CallOptions, lease?: Lease) => {
      await this.#client.release((lease ?? await grant(options)).id, options);
    };
    return await this.#noting(undo, () => grant(this.#options));
  }

  /** Does something that can be undone. What was cut short by the signal may have been done. */
  async #noting<T>(
    undo: (options: CallOptions, done?: T) => Promise<unknown>,
    act: () => Promise<T>,
  ): Promise<T> {
    try {
      const done = await act();
      this.#undo.push((options) => undo(options, done));
      return done;
    } catch (error) {
      if (this.#options.signal?.aborted) this.#undo.push((options) => undo(options));
      throw error;
    }
  }

  #key(port: number, protocols: readonly Protocol[]): string {
    return `${this.#id}:${port}/${protocols.join("+")}`;
  }

  /** Undoes everything, the last first. @returns the error, which also says what could not be undone. */
  async takeBack(error: unknown): Promise<unknown> {
    const failures = await this.undo();
    if (failures.length === 0) return error;
    const what = failures.map(messageOf).join("; ");
    return extended(error, `; what was opened before could not be closed again: ${what}`);
  }

  /** Undoes everything, the last first. @returns what has failed. */
  async undo(): Promise<readonly unknown[]> {
    const options = { signal: AbortSignal.timeout(TAKE_BACK_MS) }, failures: unknown[] = [];
    for (const undo of this.#undo.splice(0).reverse()) {
      await undo(options).catch((failure) => failures.push(failure));
    }
    return failures;
  }
}

/** The same error with more in its message. */
export function extended(error: unknown, more: string): Error {
  const message = messageOf(error) + more, cause = error;
  if (error instanceof PortdError) return new PortdError(error.code, message, error.data, { cause: error.cause });
  if (error instanceof NoDaemonError) return new NoDaemonError(message, { cause });
  return error instanceof DOMException ? new DOMException(message, error.name) : new Error(message, { cause });
}
