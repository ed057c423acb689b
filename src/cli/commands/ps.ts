/** `portd ps`: a table of sockets, with their processes and leases. */
import type { ListedSocket, SocketQuery } from "../../client/client.ts";
import { type SocketState, TCP_STATES } from "../../os/socket.ts";
import { PROTOCOLS } from "../../port/port.ts";
import { shortCommand } from "../../process/command_line.ts";
import { fieldsOf } from "../answer.ts";
import { choiceFlag, COMMON_FLAGS, defineCommand, type FlagsOf, parsedFlag, switchFlag, textFlag } from "../command.ts";
import type { CliContext, TextStream } from "../context.ts";
import { askOrLook, type PortAnswer } from "../daemon/without.ts";
import { parseCount, parsePort, readOr } from "../parse.ts";
import { type Cell, type Column, shortenMiddle, shortenStart, table, writeTable } from "../table.ts";
import { addressText, widthOf, writeJson, writeLine } from "../terminal.ts";
import { checkWatch, type Picture, watch } from "../watch.ts";

const COLUMNS = {
  protocol: "PROTO",
  local: { title: "LOCAL", least: 15, cut: shortenStart },
  remote: { title: "REMOTE", least: 15, cut: shortenStart },
  state: { title: "STATE", spare: 1 },
  pid: { title: "PID", spare: 3 },
  command: { title: "COMMAND", least: 12, cut: shortCommand, spare: 2 },
  lease: { title: "LEASE", least: 12, cut: shortenMiddle },
} as const;

const FLAGS = {
  all: switchFlag("Sockets in every state, like netstat -ano"),
  port: parsedFlag("N", "On this local port", (text) => parsePort(text)),
  pid: parsedFlag("PID", "Of this process", parseCount),
  name: textFlag("NAME", "On the port of the lease with this name, or this last part of the name"),
  state: parsedFlag("STATE", "In this state, such as LISTEN or ESTABLISHED", parseState),
  protocol: choiceFlag(PROTOCOLS, "Of this protocol"),
  watch: switchFlag("Draw the list again when it changes, until Ctrl-C"),
  ...COMMON_FLAGS,
};

type PsFlags = FlagsOf<typeof FLAGS>;

const FIELDS = fieldsOf<ListedSocket>({
  protocol: true,
  family: true,
  localAddress: true,
  localPort: true,
  pid: true,
  user: true,
  process: true,
  lease: true,
  ofHolder: true,
  forwarder: true,
  state: true,
  remoteAddress: true,
  remotePort: true,
});

export default defineCommand({
  answer: { fields: FIELDS, list: "listeners" },
  flags: FLAGS,
  help: `Lists the listening sockets of this machine, with --all those in every state, each with its process
and the lease of its local port. On a leased port, the socket of anybody but the holder is marked as a conflict. Where
there is no daemon, this command looks itself, and no lease is known.`,
  usage: [
    "[--all] [FLAGS]",
    { input: "--port 3000", brief: "what uses port 3000" },
    { input: "--state CLOSE_WAIT --pid 4711", brief: "connections that a process has not closed" },
    { input: "--watch", brief: "a list that is always up to date" },
  ],
  async run(context, flags) {
    const query = queryOf(flags);
    if (flags.watch) return await watchSockets(context, flags, query);
    const { stdout, stderr } = context.process;
    using found = await ask(context, flags, query);
    const { answer: listeners, isLocal } = found;
    if (flags.json) writeJson(stdout, { ...(isLocal && { daemon: null }), listeners });
    else if (listeners.length > 0) writeTable(stdout, ...partsOf(listeners, query));
    else writeLine(stderr, "no sockets");
  },
});

/** Without a daemon no name of a lease is known. */
async function ask(
  context: CliContext,
  flags: PsFlags,
  query: SocketQuery,
): Promise<PortAnswer<readonly ListedSocket[]>> {
  return await askOrLook(
    context,
    flags,
    (source, client) => client === undefined && flags.name !== undefined ? undefined : source.listeners(query),
  );
}

/** A socket that is not on a leased port comes and goes without an event. */
const LOOK_MS = 1000;

async function watchSockets(context: CliContext, flags: PsFlags, query: SocketQuery): Promise<void> {
  checkWatch(context, flags);
  using open = new DisposableStack();
  let found: PortAnswer<readonly ListedSocket[]> | undefined;
  await watch(context, {
    client: () => found?.client,
    everyMs: LOOK_MS,
    async look(signal) {
      const sockets = await found?.source.listeners(query, { signal });
      found ??= open.use(await ask(context, flags, query));
      return pictureOf(sockets ?? found.answer, { query, note: found.isLocal ? "no daemon: no lease is known\n" : "" });
    },
  });
}

function pictureOf(
  sockets: readonly ListedSocket[],
  { query, note }: { readonly query: SocketQuery; readonly note: string },
): Picture {
  const text = sockets.length === 0
    ? () => "no sockets\n"
    : (stdout: TextStream) =>
      table(...partsOf(sockets, query), { width: widthOf(stdout), getColorDepth: stdout.getColorDepth });
  return (stdout) => note + text(stdout);
}

/** Only connections have a state other than LISTEN: it asks for connections too. */
function queryOf({ all, port, pid, name, state, protocol }: PsFlags): SocketQuery {
  const connections = all === true || (state !== undefined && state !== "LISTEN");
  return { port, pid, name, state, protocol, ...(connections && { connections }) };
}

/** The head and the rows of the table. */
function partsOf(
  sockets: readonly ListedSocket[],
  { connections = false }: SocketQuery,
): [head: readonly (string | Column)[], rows: readonly (readonly Cell[])[]] {
  const { protocol, local, remote, state, pid, command, lease } = COLUMNS;
  const head = [protocol, local, ...(connections ? [remote] : []), state, pid, command, lease];
  return [head, sockets.map((socket) => rowOf(socket, connections))];
}

function rowOf(socket: ListedSocket, connections: boolean): readonly Cell[] {
  const { protocol, localAddress, localPort, remoteAddress, remotePort, state, pid, lease, ofHolder } = socket;
  const remote = remotePort === 0 ? "-" : addressText(remoteAddress, remotePort);
  const leaseText = lease === null ? "-" : lease.name ?? lease.id;
  return [
    protocol,
    addressText(localAddress, localPort),
    ...(connections ? [remote] : []),
    state || "-",
    pid === null ? "-" : String(pid),
    commandText(socket),
    ofHolder === false ? [`${leaseText} (conflict)`, "red"] : leaseText,
  ];
}

/** The command; of a program that listens for a container, the address in the container. */
function commandText({ process, forwarder, user }: ListedSocket): string {
  if (process === null) return user ? `(of user ${user})` : "-";
  if (forwarder === null) return shortCommand(process.command ?? "-", Infinity);
  const { program, target } = forwarder;
  return `${program} → ${target === null ? "container" : addressText(target.address, target.port)}`;
}

/** netstat's names, in either case. */
function parseState(text: string): SocketState {
  return readOr(TCP_STATES.find((known) => known === text.toUpperCase()), `one of ${TCP_STATES.join(", ")}`);
}
