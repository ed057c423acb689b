/**
 * Sockets on macOS, through the system's `lsof`. Manual: lsof(8).
 *
 * It lists the sockets that a process has open: none in TIME_WAIT, and for anybody but root those of their own
 * processes alone. Where it shows nobody on a port, the kernel is asked for the port: what is refused is in use, by
 * nobody knows whom.
 */
import type { SocketRow } from "../../os/socket.ts";
import type { Endpoint, Protocol } from "../../port/port.ts";
import { isListener, type Scanner } from "../listener.ts";
import { LSOF_FIELDS, parseLsof } from "./lsof.ts";

const LSOF = "/usr/sbin/lsof";
/** One that hangs must not stop the watch for good. */
const LIMIT_MS = 20_000;
/** Numbers for hosts and ports, no warnings. */
const PLAIN = ["-n", "-P", "-w"];
/** A state that is asked for may leave out all of UDP, so the two are asked for together without one. */
const LISTENING_TCP = ["-iTCP", "-sTCP:LISTEN"], UDP = ["-iUDP"], BOTH = ["-iTCP", "-iUDP"];

/** Sees the sockets of processes that this user may look at, and of others that a port is in use. */
export class DarwinScanner implements Scanner {
  readonly #others: Scanner;
  readonly #command: readonly string[];

  /**
   * @param others finds out whether a port is in use that lsof shows nobody on.
   * @param command is the program with its leading arguments. @default the system's lsof
   */
  constructor(others: Scanner, command: readonly string[] = [LSOF]) {
    this.#others = others;
    this.#command = command;
  }

  async listening(endpoints: Iterable<Endpoint>): Promise<readonly SocketRow[]> {
    const unseen = new Map([...endpoints].map((endpoint) => [keyOf(endpoint.protocol, endpoint.port), endpoint]));
    const protocols = new Set([...unseen.values()].map(({ protocol }) => protocol));
    if (protocols.size === 0) return [];
    const selection = !protocols.has("udp") ? LISTENING_TCP : protocols.has("tcp") ? BOTH : UDP;
    const rows = (await this.#rows(selection))
      .filter((row) => isListener(row) && unseen.has(keyOf(row.protocol, row.localPort)));
    for (const { protocol, localPort } of rows) unseen.delete(keyOf(protocol, localPort));
    return [...rows, ...await this.#others.listening(unseen.values())];
  }

  async sockets({ connections }: { readonly connections: boolean }): Promise<readonly SocketRow[]> {
    const rows = await this.#rows(BOTH);
    return connections ? rows : rows.filter(isListener);
  }

  async socketsOn(endpoint: Endpoint): Promise<readonly SocketRow[]> {
    const { protocol, port } = endpoint;
    const rows = await this.#rows([`-i${protocol.toUpperCase()}:${port}`]);
    const here = rows.filter(({ localPort }) => localPort === port); // lsof takes remote ports for it too
    return here.length > 0 ? here : await this.#others.socketsOn(endpoint);
  }

  boundOn(): Promise<readonly SocketRow[]> {
    return Promise.resolve([]);
  }

  /** As they are: lsof names the processes. */
  identify(rows: readonly SocketRow[]): Promise<readonly SocketRow[]> {
    return Promise.resolve(rows);
  }

  close(): void {
    this.#others.close(); // of lsof nothing is kept: each look is a process of its own
  }

  async #rows(selection: readonly string[]): Promise<SocketRow[]> {
    const [program = LSOF, ...args] = [...this.#command, ...PLAIN, ...selection, "-F", LSOF_FIELDS];
    const signal = AbortSignal.timeout(LIMIT_MS);
    const { code, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null", signal }).output();
    // It exits with 1 when there is no socket of some of what it was asked for; only a fault is told on stderr.
    const fault = new TextDecoder().decode(stderr).trim();
    if (code > 1 || (code === 1 && stdout.length === 0 && fault !== "")) {
      throw new Error(`Cannot list sockets: ${program} ends with exit code ${code}: ${fault.split("\n")[0]}`);
    }
    return parseLsof(new TextDecoder().decode(stdout));
  }
}

function keyOf(protocol: Protocol, port: number): string {
  return `${protocol} ${port}`;
}
