/** The listeners without a lease, and which of them are in the way of one. */
import type { Services } from "../../src/daemon/daemon.ts";
import type { ListedSocket } from "../../src/listener/listener.ts";
import type { Stranger, Strangers } from "./data.ts";

/** What {@linkcode readStrangers} asks. */
export type StrangersParts = Pick<Services, "listing" | "pool" | "names" | "port">;

/** A machine can have tens of thousands; nobody reads them all here. */
export const MOST_STRANGERS = 500;

/** Looks who listens without a lease; portd itself is left out. */
export async function readStrangers(parts: StrangersParts): Promise<Strangers> {
  const found = new Map<string, Stranger & { readonly addresses: string[] }>();
  for await (const sockets of parts.listing.list({})) {
    for (const socket of sockets) {
      if (socket.lease !== null || isOwn(socket, parts)) continue;
      const { protocol, localPort: port, pid, user = null, process, localAddress } = socket;
      const key = `${protocol} ${port} ${pid ?? user}`;
      const known = found.get(key);
      if (known !== undefined) {
        if (!known.addresses.includes(localAddress)) known.addresses.push(localAddress);
        continue;
      }
      const who = { pid, user: process?.user ?? user, command: process?.command ?? null };
      found.set(key, { port, protocol, addresses: [localAddress], ...who, pooled: parts.pool.has(port), name: null });
    }
  }
  const all = withNames([...found.values()], parts.names).sort((a, b) =>
    Number(isInTheWay(b)) - Number(isInTheWay(a)) || a.port - b.port
  );
  return {
    listeners: all.slice(0, MOST_STRANGERS),
    total: all.length,
    collisions: all.filter(isInTheWay).length,
  };
}

function isOwn({ protocol, localPort, pid }: ListedSocket, { port }: StrangersParts): boolean {
  return protocol === "tcp" && localPort === port && (pid === null || pid === Deno.pid);
}

function isInTheWay({ pooled, name }: Stranger): boolean {
  return pooled || name !== null;
}

/** The same with the name that had each port last; of several names the first. */
function withNames(strangers: readonly Stranger[], names: ReadonlyMap<string, number>): Stranger[] {
  const ports = new Set(strangers.map(({ port }) => port));
  const nameOf = new Map<number, string>();
  for (const [name, port] of names) if (ports.has(port) && !nameOf.has(port)) nameOf.set(port, name);
  return strangers.map((stranger) => ({ ...stranger, name: nameOf.get(stranger.port) ?? null }));
}
