/** The port that a refusal suggests instead. */
import type { Holds } from "../hold/hold.ts";
import type { Scanner } from "../listener/listener.ts";
import type { Protocol } from "../port/port.ts";

/** Finds the first of the ports that nobody uses; `undefined` when all are in use. */
export type FindUnused = (
  ports: readonly number[],
  protocols: readonly Protocol[],
) => Promise<number | undefined>;

/** Looks at the listeners and binds nothing: a server that binds the port at that moment must not fail. */
export function unusedByScan(scanner: Pick<Scanner, "listening">): FindUnused {
  return async (ports, protocols) => {
    const endpoints = ports.flatMap((port) => protocols.map((protocol) => ({ protocol, port })));
    const used = new Set((await scanner.listening(endpoints)).map(({ localPort }) => localPort));
    return ports.find((port) => !used.has(port));
  };
}

/** Binds each port for a moment: for systems where that costs far less than listing the sockets. */
export function unusedByProbe(holds: Pick<Holds, "claim">): FindUnused {
  return (ports, protocols) => {
    const isUnused = (port: number) => holds.claim(port, { protocols, hold: "none" }).obstacle === undefined;
    return Promise.resolve(ports.find(isUnused));
  };
}
