/** The leases of one run of a command. They end with it, unless something that it has started uses their ports. */
import type { PortdClient } from "../../client/client.ts";
import { PortdError, reasonOf } from "../../errors.ts";
import type { PortGuard } from "../../hold/windows/guard.ts";
import type { Lease } from "../../lease/lease.ts";
import type { Process } from "../../process/process.ts";
import type { openProcessHandle } from "../../terminate/open.ts";
import type { CliContext } from "../context.ts";
import { isTimeout } from "../exit.ts";
import { titleOf } from "../naming.ts";
import { shorten, writeLine } from "../terminal.ts";
import { errnoOf } from "./errno.ts";
import type { Family } from "./family.ts";
import type { IsTaken } from "./taken.ts";

const REQUEST_LIMIT_MS = 5000;
const COMMAND_WIDTH = 200;

/** Works with the daemon; where that refuses for want of the token, once more with the token. */
export type WithToken = <T>(work: (client: PortdClient) => Promise<T>) => Promise<T>;

/** What {@linkcode RunLeases} works with. */
export interface RunLeasesParts {
  readonly client: PortdClient;
  readonly withToken: WithToken;
  readonly context: CliContext;
  /** Loads the code that examines a process; most runs do not need it. */
  readonly loadHandles: () => Promise<typeof openProcessHandle>;
  readonly isTaken: IsTaken;
  /** Keeps ports until the command is started, where the daemon cannot hold them. */
  readonly guard: ((ports: readonly Lease[]) => PortGuard) | undefined;
}

/** Leases that have been granted to this process, which stays their holder while it runs. */
export class RunLeases {
  readonly all: readonly Lease[];
  readonly #parts: RunLeasesParts;
  readonly #kept = new Set<Lease>();
  readonly #guard: PortGuard | undefined;

  constructor(all: readonly Lease[], parts: RunLeasesParts) {
    this.all = all;
    this.#parts = parts;
    this.#guard = parts.guard?.(all);
  }

  /** A lease whose port somebody has taken since its grant; only where this process keeps the ports. */
  get lostBeforeStart(): Lease | undefined {
    return this.all.find(({ port }) => port === this.#guard?.lost);
  }

  /** Lets the command have the ports: to be called in the moment before it is started. */
  letGo(): void {
    this.#guard?.[Symbol.dispose]();
  }

  /**
   * Keeps the leases on whose ports a process of the command still listens, and reports each of these processes.
   *
   * @param family is what the command has started; the command itself has ended.
   * @param wasAskedToEnd has all processes reported that still run, whether they listen or not.
   */
  async keepUsed(family: Family | undefined, { wasAskedToEnd }: { readonly wasAskedToEnd: boolean }): Promise<void> {
    const maybeUsed = this.all.filter((lease) => this.#parts.isTaken(lease) || !lease.protocols.includes("tcp"));
    if (family === undefined || (maybeUsed.length === 0 && !wasAskedToEnd)) return;
    const members = family.look();
    if (members.length === 0) return;
    const open = await this.#parts.loadHandles();
    for (const member of members) {
      const process = family.describe(member);
      if (process === undefined) continue;
      const used: Lease[] = [];
      for (const lease of maybeUsed) if (await listensOn(process, lease, open)) used.push(lease);
      for (const lease of used) await this.#keep(lease, process);
      if (used.length > 0 || !wasAskedToEnd) continue;
      const why = member.hasLeft ? "it has left the command's session" : "it cannot be ended";
      this.#report(`${textOf(process)} still runs: ${why}`);
    }
  }

  /** A lease on whose port something listens that the command has not started. */
  findLost(): Lease | undefined {
    return this.all.find((lease) => !this.#kept.has(lease) && this.#parts.isTaken(lease));
  }

  /** The ports that portd holds: a server that does not set SO_REUSEADDR cannot bind them. */
  get held(): readonly number[] {
    return this.all.filter(({ hold }) => hold === "soft").map(({ port }) => port);
  }

  /**
   * Whether somebody of the command has listened on one of the ports, as far as the daemon has seen: then the command was
   * not refused it.
   */
  async haveServed(): Promise<boolean> {
    const signal = AbortSignal.timeout(REQUEST_LIMIT_MS);
    try {
      const leases = await Promise.all(this.all.map(({ id }) => this.#parts.client.get(id, { signal })));
      return leases.some(({ state }) => state === "listening" || state === "idle");
    } catch (error) {
      if (error instanceof PortdError || error === signal.reason) return false; // then nothing is known
      throw error;
    }
  }

  /** Whether a process of the command still listens on one of the ports. */
  get areUsed(): boolean {
    return this.#kept.size > 0;
  }

  /** Releases all leases but the kept ones. A failure is only reported: the leases end with this process anyway. */
  async release(): Promise<void> {
    this.letGo();
    const { client } = this.#parts;
    const signal = AbortSignal.timeout(REQUEST_LIMIT_MS);
    const leases = this.all.filter((lease) => !this.#kept.has(lease));
    const results = await Promise.allSettled(leases.map(({ id }) => client.release(id, { signal })));
    for (const [i, result] of results.entries()) {
      if (result.status === "rejected") {
        this.#report(`Cannot release ${titleOf(leases[i]!)}: ${whyFailed(result.reason)}`);
      }
    }
  }

  async #keep(lease: Lease, process: Process): Promise<void> {
    const title = titleOf(lease);
    const listener = `${textOf(process)} still listens on ${title}`;
    if (this.#kept.has(lease)) return this.#report(listener);
    this.#kept.add(lease);
    this.#report(`${listener}; its lease is kept, and portd free ${lease.port} ends both`);
    try {
      const signal = AbortSignal.timeout(REQUEST_LIMIT_MS);
      await this.#parts.withToken((client) => client.amend(lease.id, { pid: process.pid }, { signal }));
    } catch (error) {
      this.#report(`Cannot make pid ${process.pid} the holder of ${title}: ${whyFailed(error)}`);
    }
  }

  /** Prints a line on stderr; without an error where the terminal has been closed meanwhile. */
  #report(text: string): void {
    try {
      writeLine(this.#parts.context.process.stderr, `portd: ${text}`);
    } catch (error) {
      if (!["EPIPE", "EIO"].includes(errnoOf(error))) throw error;
    }
  }
}

/** Whether a process listens on the port of a lease; yes where we may not look into the process. */
async function listensOn(
  process: Process,
  { port, protocols }: Lease,
  open: typeof openProcessHandle,
): Promise<boolean> {
  let handle: ReturnType<typeof open>;
  try {
    handle = open(process);
    const answers = await Promise.all(protocols.map((protocol) => handle?.listensOn({ protocol, port }) ?? false));
    return answers.some((listens) => listens !== false);
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return true;
    throw error;
  } finally {
    handle?.close();
  }
}

function textOf({ pid, command }: Process): string {
  return `pid ${pid} (${shorten(command ?? "unknown command", COMMAND_WIDTH)})`;
}

function whyFailed(error: unknown): string {
  return isTimeout(error) ? `no answer within ${REQUEST_LIMIT_MS / 1000}s` : reasonOf(error);
}
