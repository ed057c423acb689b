/** The leases that `portd open` opens: those that are there, and those that it makes for what nobody has leased. */
import type { Lease, PortdClient, PortDescription, PortSocket, Protocol } from "../../client/client.ts";
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

/** What was done so far, so that a failure can be undone. */
export class Opening {
  readonly #client: PortdClient;
  readonly #exposure: ExposureRequest;
  readonly #undo: (() => Promise<unknown>)[] = [];

  constructor(client: PortdClient, exposure: ExposureRequest) {
    this.#client = client;
    this.#exposure = exposure;
  }

  /** Opens a lease that is there. */
  async open({ id, exposure: before }: Lease): Promise<Lease> {
    const opened = await this.#client.expose(id, this.#exposure);
    this.#undo.push(() => before === null ? this.#client.conceal(id) : this.#client.expose(id, before));
    return opened;
  }

  /** Makes a lease that is open from its first moment: of the process that listens there, or until it is released. */
  async lease(port: number, { protocols, listener }: UnleasedPart): Promise<Lease> {
    const holder: LeaseRequest = listener === undefined ? { lifetime: { kind: "pinned" } } : { inUse: true };
    const lease = await this.#client.grant({ port, protocols, exposure: this.#exposure, ...holder });
    this.#undo.push(() => this.#client.release(lease.id));
    return lease;
  }

  /** Undoes everything, the last first. @returns the error, which also says what could not be undone. */
  async takeBack(error: unknown): Promise<unknown> {
    const failures: unknown[] = [];
    for (const undo of this.#undo.splice(0).reverse()) await undo().catch((failure) => failures.push(failure));
    if (failures.length === 0) return error;
    const what = failures.map(messageOf).join("; ");
    return extended(error, `; what was opened before could not be closed again: ${what}`);
  }
}

/** The same error with more in its message. */
function extended(error: unknown, more: string): Error {
  const message = messageOf(error) + more, cause = error;
  if (error instanceof PortdError) return new PortdError(error.code, message, error.data, { cause: error.cause });
  if (error instanceof NoDaemonError) return new NoDaemonError(message, { cause });
  return error instanceof DOMException ? new DOMException(message, error.name) : new Error(message, { cause });
}
