/** `tables`: whether sockets of this process stand in the tables that portd reads, with our pid. */
import type { Scanner } from "../listener/listener.ts";
import type { SocketRow } from "../os/socket.ts";
import { type Item, type Outcome, verdict } from "./self_test.ts";

/** A table of the system: one protocol of one family. */
const TABLES = ["tcp4", "tcp6", "udp4", "udp6"] as const;
type Table = (typeof TABLES)[number];
const ADDRESSES = { 4: "127.0.0.1", 6: "::1" } as const;

/** Counts the rows of each protocol by another program of the system; `undefined` where there is none. */
export type CountSockets = () => Promise<Readonly<Record<"tcp" | "udp", number>> | undefined>;

/** The item. */
export function tablesItem(scanner: Scanner, countSockets: CountSockets): Item {
  return {
    id: "tables",
    does: "open sockets on the loopback addresses, and look for them in the system's tables",
    run: () => testTables(scanner, countSockets),
  };
}

async function testTables(scanner: Scanner, countSockets: CountSockets): Promise<Outcome> {
  using sockets = new DisposableStack();
  const hasIpv6 = Deno.networkInterfaces().some(({ family }) => family === "IPv6");
  const used = TABLES.filter((table) => hasIpv6 || table.endsWith("4"));
  const ports = new Map(used.map((table) => [table, open(table, sockets)] as const));
  const rows = await scanner.sockets({ connections: true });
  const ours = await scanner.identify(rows.filter((row) => ports.get(tableOf(row)) === row.localPort));
  const objections = [...ports.keys()].flatMap((table) => {
    const found = ours.find((row) => tableOf(row) === table);
    if (found === undefined) return [`our socket is not in the table ${table}`];
    return found.pid === Deno.pid ? [] : [`our socket in the table ${table} has pid ${found.pid}, not ours`];
  });
  const count = (protocol: string) => rows.filter((row) => row.protocol === protocol).length;
  return verdict(objections, {
    rows: { tcp: count("tcp"), udp: count("udp") },
    others: await countSockets() ?? null,
    ipv6: hasIpv6,
  });
}

function tableOf({ protocol, family }: Pick<SocketRow, "protocol" | "family">): Table {
  return `${protocol}${family}`;
}

/** Opens a socket that only this machine reaches. @returns its port. */
function open(table: Table, sockets: DisposableStack): number {
  const hostname = table.endsWith("4") ? ADDRESSES[4] : ADDRESSES[6];
  const socket = table.startsWith("tcp")
    ? Deno.listen({ hostname, port: 0 })
    : Deno.listenDatagram({ hostname, port: 0, transport: "udp" });
  sockets.defer(() => socket.close());
  return ((socket as Deno.Listener).addr as Deno.NetAddr).port;
}
