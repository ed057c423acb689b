/**
 * Ending a process where the OS can pin none: look whether it is still the same, then signal its pid.
 *
 * Between the look and the signal the process may end and another process get its pid, which then gets the signal. Both
 * must happen within a few microseconds, after the OS has used all its other pids; still a handle of the OS is used
 * wherever there is one.
 */
import process from "node:process";
import { describeValue } from "../errors.ts";
import { isListener, type Scanner } from "../listener/listener.ts";
import { type Endpoint, isPort, portExpected } from "../port/port.ts";
import type { ProcessDescription, Processes, ProcessIdentity } from "../process/process.ts";
import type { EndSignal, ProcessHandle } from "./handle.ts";

/** What {@linkcode openGenericProcessHandle} asks. */
export interface GenericHandleParts {
  readonly processes: Processes;
  /** See {@linkcode ProcessHandle.listensOn}. @default knows nothing */
  readonly listensOn?: (endpoint: Endpoint) => Promise<boolean | undefined>;
}

/** @returns `undefined` when the process is gone. @throws {Deno.errors.PermissionDenied} when it may not be ended. */
export function openGenericProcessHandle(
  identity: ProcessIdentity,
  parts: GenericHandleParts,
): ProcessHandle | undefined {
  const handle = new GenericProcessHandle(identity, parts);
  if (handle.hasEnded()) return undefined;
  handle.signal(0);
  return handle;
}

/** The refusal of a process that is not this user's to end. @param user is whose it is, as far as that is known. */
export function endingDenied({ pid }: ProcessIdentity, user: string | null | undefined): Error {
  const whose = user ? ` (user ${user})` : "";
  return new Deno.errors.PermissionDenied(
    `Cannot end pid ${pid}${whose}: only its own user and an administrator may; run the command as one of them`,
  );
}

/**
 * Refuses what is no endpoint, whatever its type says: it may come from a daemon, and on Linux it names a file.
 *
 * @throws {TypeError}
 */
export function checkEndpoint({ protocol, port }: { readonly protocol: unknown; readonly port: unknown }): void {
  if (protocol !== "tcp" && protocol !== "udp") {
    throw new TypeError(`Cannot look for a socket of protocol ${describeValue(protocol)}: it must be tcp or udp`);
  }
  if (!isPort(port)) {
    throw new TypeError(`Cannot look for a socket on port ${describeValue(port)}: it must be ${portExpected()}`);
  }
}

/** Whether a process listens there, where the rows of the OS name every process that has the socket open. */
export async function isListeningOn(
  scanner: Pick<Scanner, "socketsOn">,
  pid: number,
  endpoint: Endpoint,
): Promise<boolean> {
  checkEndpoint(endpoint);
  const rows = await scanner.socketsOn(endpoint);
  return rows.some((row) => row.pid === pid && isListener(row));
}

/** What handles share that end a process by a signal. */
export abstract class SignalHandle implements ProcessHandle {
  readonly pid: number;
  protected readonly identity: ProcessIdentity;
  protected readonly processes: Processes;

  constructor(identity: ProcessIdentity, processes: Processes) {
    this.pid = identity.pid;
    this.identity = identity;
    this.processes = processes;
  }

  terminate(): EndSignal {
    this.signal("SIGTERM");
    return "TERM";
  }

  kill(): void {
    this.signal("SIGKILL");
  }

  describe(): ProcessDescription | undefined {
    const found = this.processes.find(this.pid);
    return this.hasEnded() ? undefined : found; // asked last: until it has ended, its pid is no other's
  }

  /** @param signal 0 sends none. @throws {Deno.errors.PermissionDenied} when the process may not be ended. */
  abstract signal(signal: "SIGTERM" | "SIGKILL" | 0): void;
  abstract hasEnded(): boolean;
  abstract listensOn(endpoint: Endpoint): Promise<boolean | undefined>;
  abstract close(): void;

  protected denied(): Error {
    return endingDenied(this.identity, this.processes.find(this.pid)?.user);
  }
}

class GenericProcessHandle extends SignalHandle {
  readonly #listensOn: GenericHandleParts["listensOn"];

  constructor(identity: ProcessIdentity, { processes, listensOn }: GenericHandleParts) {
    super(identity, processes);
    this.#listensOn = listensOn;
  }

  hasEnded(): boolean {
    return !this.processes.isAlive(this.identity);
  }

  async listensOn(endpoint: Endpoint): Promise<boolean | undefined> {
    checkEndpoint(endpoint);
    return await this.#listensOn?.(endpoint);
  }

  close(): void {}

  signal(signal: "SIGTERM" | "SIGKILL" | 0): void {
    if (this.hasEnded()) return;
    try {
      process.kill(this.pid, signal);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ESRCH") return; // it has ended in this moment
      throw code === "EPERM" ? this.denied() : error;
    }
  }
}
