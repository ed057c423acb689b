/** Who has the address of the daemon when no daemon answers there, and what can be done about it. */
import { openLocalLook } from "../../inspect/local.ts";
import type { ListedSocket } from "../../listener/listener.ts";
import { HIGHEST_PORT } from "../../port/port.ts";
import { shortCommand } from "../../process/command_line.ts";
import type { CliContext, CommonFlags } from "../context.ts";
import { endCommand } from "../free/caller.ts";
import { isOnThisMachine } from "../open/addresses.ts";
import { escapeControls } from "../terminal.ts";

const COMMAND_WIDTH = 60;
/** A portd: one that is overloaded, or of another version. It is not to be ended like a stranger. */
const DAEMON_COMMAND = /(?:^|[/\\])(?:portd\S*|main\.ts) (?:serve|service run)\b/;

/**
 * The process that listens on the address, and both ways out: ending it, and another address for portd.
 *
 * @param origin is the address, without a path.
 * @returns `undefined` where the address is on another machine, and where nobody listens any more.
 */
export async function strangerText(
  context: CliContext,
  flags: CommonFlags,
  origin: string,
): Promise<string | undefined> {
  if (!isOnThisMachine(origin, context.interfaces())) return undefined;
  const { hostname, port } = new URL(origin);
  using local = openLocalLook();
  const sockets = await local.listeners({ protocol: "tcp" });
  const there = sockets.filter(({ localPort }) => String(localPort) === port);
  const socket = there.find(({ localAddress }) => literal(localAddress) === hostname) ?? there[0];
  if (socket === undefined) return undefined;
  const who = `${whoText(socket)} listens there`;
  if (DAEMON_COMMAND.test(socket.process?.command ?? "")) return escapeControls(who);
  const other = `127.0.0.1:${freePort(Number(port), sockets)}`;
  const isGiven = (flags.url ?? context.env.PORTD_URL) !== undefined;
  const way = isGiven ? "give the address of portd with --url or PORTD_URL" : `move portd (PORTD_LISTEN=${other})`;
  return escapeControls(`${who}: ${endText(socket, context)}, or ${way}`);
}

function endText(socket: ListedSocket, context: CliContext): string {
  if (socket.pid === null) return `end it (sudo portd inspect ${socket.localPort} shows it)`;
  const command = endCommand(socket, context);
  return command === undefined ? "end it" : `end it (${command})`;
}

function whoText({ pid, process, user = null }: ListedSocket): string {
  const whose = user === null ? "" : `, user ${user}`;
  if (pid === null) return `a process that this user may not see${whose}`;
  return `pid ${pid} (${shortCommand(process?.command ?? "unknown command", COMMAND_WIDTH)}${whose})`;
}

/** The first port after one on which nobody listens. */
function freePort(port: number, sockets: readonly ListedSocket[]): number {
  const used = new Set(sockets.map(({ localPort }) => localPort));
  let free = port + 1;
  while (used.has(free) && free < HIGHEST_PORT) free++;
  return free;
}

/** An address as it stands in a URL. */
function literal(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}
