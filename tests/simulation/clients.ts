/** The clients of one sequence: they send calls to the daemon and note in their book what the answers promise. */
import { CONTRACT } from "../support/openapi/contract.ts";
import { Book } from "./book.ts";
import type { VirtualDisk } from "./disk.ts";
import { type Moment, Operation, type Plan, type WishedPort } from "./operation.ts";
import { HOST, type Run, TOKEN } from "./wiring.ts";

/** Every so many answers one is checked against the document of the API: they are very many. */
const CHECKED_EVERY = 8;

/** What the clients need of the world. */
export interface ClientsWorld {
  /** The daemon that they call. */
  readonly run: Run;
  readonly disk: VirtualDisk;
  readonly moment: Moment;
  /** The ports that a wish may have right now. */
  portsFor(wish: WishedPort): number[];
}

/** Every client of a {@linkcode World}. */
export class Clients {
  readonly book = new Book();
  readonly #world: ClientsWorld;
  readonly #streams: ReadableStream<Uint8Array>[] = [];
  #answered: Operation[] = [];

  constructor(world: ClientsWorld) {
    this.#world = world;
  }

  /** Sends a call. */
  begin(plan: Plan): Operation {
    const { run, moment, disk } = this.#world;
    const at = { run, started: moment, failedSyncs: disk.failedSyncs };
    const operation = new Operation(this.book.operations.length, plan, at);
    operation.held = heldBy(plan, run);
    const wish = plan.grant?.wishes[0];
    operation.free = wish && new Set(this.#world.portsFor(wish));
    this.book.begin(operation);
    void this.#note(operation, run.fetch(requestOf(operation), plan.user ?? 0));
    return operation;
  }

  /** The calls that were answered since this was last called. */
  takeAnswered(): readonly Operation[] {
    return this.#answered.splice(0);
  }

  /** The daemon has ended: pending calls get no answer any more. */
  loseDaemon(): void {
    for (const operation of this.book.pending) {
      operation.state = "lost";
      operation.ended = this.#world.moment;
    }
    for (const stream of this.#streams.splice(0)) void stream.cancel();
  }

  /** Closes the event streams that are still open. */
  async closeStreams(): Promise<void> {
    for (const stream of this.#streams) await stream.cancel();
  }

  async #note(operation: Operation, answer: Promise<Response>): Promise<void> {
    const { status, text } = await this.#read(operation, answer);
    if (operation.state !== "pending") return; // the daemon that answers has crashed
    operation.status = status;
    operation.answer = text === "" ? undefined : JSON.parse(text);
    operation.ended = this.#world.moment;
    operation.state = status < 300 ? "done" : this.#stateOfRefusal(operation);
    this.#answered.push(operation);
    const { code, plan: { target } } = operation;
    if (status < 300) this.#acknowledge(operation);
    else if (code === "lease_ended" && target?.by === "id" && this.#world.disk.failedSyncs === 0) this.#end(target.id);
  }

  async #read(
    { number, plan: { method, path } }: Operation,
    answer: Promise<Response>,
  ): Promise<{ readonly status: number; readonly text: string }> {
    try {
      const response = await answer, { status, headers } = response;
      if (headers.get("content-type") !== "text/event-stream") {
        const text = await response.text();
        // Such a fault is an answer with status 500, which no promise allows.
        if (number % CHECKED_EVERY === 0) {
          CONTRACT.check({ method, url: `http://${HOST}${path}`, body: undefined }, { status, headers, text });
        }
        return { status, text };
      }
      this.#streams.push(response.body!);
      return { status: response.status, text: "" };
    } catch (error) {
      return { status: 500, text: JSON.stringify({ code: "thrown", detail: String(error) }) };
    }
  }

  /**
   * After a failed sync nobody can know what the file holds. A client that leaves gets no answer; when it repeats the
   * call with its key, it gets what was granted meanwhile.
   */
  #stateOfRefusal({ code, plan, controller, failedSyncsBefore }: Operation): "refused" | "unknown" | "lost" {
    if (plan.key !== undefined && controller.signal.aborted) return "lost";
    return code === "store_unavailable" && this.#world.disk.failedSyncs > failedSyncsBefore ? "unknown" : "refused";
  }

  #acknowledge(operation: Operation): void {
    const { plan, answer, held, started, leases, number, family } = operation;
    const { disk, moment } = this.#world;
    if (plan.ends) {
      if (held !== undefined) this.#end(held);
      for (const id of answer?.released ?? []) this.#end(id);
    }
    for (const id of plan.imported === undefined ? [] : answer.imported) this.#confirm(id, operation);
    const isRead = plan.method === "GET";
    if (isRead && plan.path.startsWith("/v1/ports/")) return; // shows what goes on in memory, and waits for no disk
    for (const lease of leases) {
      // After a failed sync an answer may show a lease of which nobody knows whether a restart will find it.
      if (lease.endedAt !== null || (isRead && disk.failedSyncs > 0)) continue;
      const known = this.book.leases.get(lease.id) ?? this.book.see(lease, moment);
      if (number === family || known.isLive) this.#confirm(lease.id, operation);
      if (plan.renews && number === family) known.renewedAt = Math.max(known.renewedAt, started.monotonic);
    }
  }

  /** Notes that an answer said: the lease has ended. */
  #end(id: string): void {
    const known = this.book.leases.get(id);
    if (known !== undefined) known.overAt ??= this.#world.moment.step;
  }

  /** Notes that an answer said: the lease is live. */
  #confirm(id: string, by: Operation): void {
    const known = this.book.leases.get(id);
    if (known === undefined || known.acknowledgedAt !== undefined) return;
    known.acknowledgedAt = this.#world.moment.step;
    known.acknowledgedBy = by;
  }
}

function requestOf({ plan, controller }: Operation): Request {
  const { method, path, body, hasToken, key } = plan;
  const headers: Record<string, string> = { host: HOST, "content-type": "application/json" };
  if (hasToken) headers.authorization = `Bearer ${TOKEN}`;
  if (key !== undefined) headers["idempotency-key"] = key;
  if (body !== undefined) headers["content-length"] = String(body.length);
  const { signal } = controller;
  return new Request(`http://${HOST}${path}`, { method, headers, signal, ...(body === undefined ? {} : { body }) });
}

/** The id of the live lease that a call names. */
function heldBy({ target }: Plan, run: Run): string | undefined {
  if (target === undefined || target.by === "label") return undefined;
  if (target.by === "id") return run.byId(target.id)?.id;
  if (target.by === "name") return run.byName(target.name)?.id;
  return (run.byPort(target.port, "tcp") ?? run.byPort(target.port, "udp"))?.id;
}
