/**
 * Sockets on macOS, through the system's `lsof`. Manual: lsof(8).
 *
 * It is part of macOS, and takes no permission that a user grants, such as Full Disk Access. It lists the sockets that
 * processes have open: none in TIME_WAIT, and to users other than root only those of their own processes. Where it shows nobody on a port, the port is probed: a refusal says that it is in use, and not by whom.
 */
import type { Holds } from "../../hold/hold.ts";
import { type Program, runProgram } from "../../os/program.ts";
import type { SocketRow } from "../../os/socket.ts";
import type { Endpoint, Protocol } from "../../port/port.ts";
import { GenericScanner } from "../generic_scan.ts";
import { isListener } from "../listener.ts";
import { LSOF_FIELDS, parseLsof } from "./lsof.ts";

const LSOF = "/usr/sbin/lsof";
/** An lsof that hangs must not stop the watch forever. */
const LIMIT_MS = 20_000;
/** Numbers for hosts and ports, no warnings. */
const PLAIN = ["-n", "-P", "-w"];
/** A filter for a state may leave out all of UDP, so TCP and UDP together are listed without one. */
const LISTENING_TCP = ["-iTCP", "-sTCP:LISTEN"], UDP = ["-iUDP"], BOTH = ["-iTCP", "-iUDP"];

/** Sees the sockets of processes that this user may see; of others only that a port is in use. */
export class DarwinScanner extends GenericScanner {
  readonly #command: Program;

  /** @param command is the program with its leading arguments. @default the system's lsof */
  constructor(holds: Holds, command: Program = [LSOF]) {
    super(holds);
    this.#command = command;
  }

  override async listening(endpoints: Iterable<Endpoint>): Promise<readonly SocketRow[]> {
    const unseen = new Map([...endpoints].map((endpoint) => [keyOf(endpoint.protocol, endpoint.port), endpoint]));
    const protocols = new Set([...unseen.values()].map(({ protocol }) => protocol));
    if (protocols.size === 0) return [];
    const selection = !protocols.has("udp") ? LISTENING_TCP : protocols.has("tcp") ? BOTH : UDP;
    const rows = (await this.#rows(selection))
      .filter((row) => isListener(row) && unseen.has(keyOf(row.protocol, row.localPort)));
    for (const { protocol, localPort } of rows) unseen.delete(keyOf(protocol, localPort));
    return [...rows, ...await super.listening(unseen.values())];
  }

  override async sockets({ connections }: { readonly connections: boolean }): Promise<readonly SocketRow[]> {
    const rows = await this.#rows(BOTH);
    return connections ? rows : rows.filter(isListener);
  }

  override async socketsOn(endpoint: Endpoint): Promise<readonly SocketRow[]> {
    const { protocol, port } = endpoint;
    const rows = await this.#rows([`-i${protocol.toUpperCase()}:${port}`]);
    const here = rows.filter(({ localPort }) => localPort === port); // lsof matches remote ports too
    return here.length > 0 ? here : await super.socketsOn(endpoint);
  }

  async #rows(selection: readonly string[]): Promise<SocketRow[]> {
    const args = [...PLAIN, ...selection, "-F", LSOF_FIELDS];
    const options = { timeoutMs: LIMIT_MS, intent: "list sockets" };
    const { code, stdout, stderr } = await runProgram(this.#command, args, options);
    // lsof exits with 1 when one of its filters matches no socket; only a real error is on stderr.
    const fault = stderr.trim();
    if (code > 1 || (code === 1 && stdout.length === 0 && fault !== "")) {
      throw new Error(`Cannot list sockets: ${this.#command[0]} ends with exit code ${code}: ${fault.split("\n")[0]}`);
    }
    return parseLsof(stdout);
  }
}

function keyOf(protocol: Protocol, port: number): string {
  return `${protocol} ${port}`;
}
