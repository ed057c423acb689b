/**
 * All ports at a glance, as `GET /ports/map` answers them. This file is just the types: port_map_reader.ts gathers what is
 * known, draw_map.ts makes the map of it.
 */
import type { LineVerdict } from "../line/line.ts";
import type { PortRange, Protocol } from "../port/port.ts";

/**
 * What a port can be for one protocol, with its letter. Of several that are true of a port, the last one counts:
 *
 * - `none`: 0, which is no port.
 * - `free`: nobody uses it; it is granted to whoever asks for it by number.
 * - `ephemeral`: the OS may hand it out by itself.
 * - `pool`: free, and granted to whoever asks for any port.
 * - `quarantined`: in the pool, and withheld for a while.
 * - `excluded`: by the configuration, or by Windows.
 * - `used`: somebody listens there, and it is not leased.
 * - `leased`: nobody listens there now.
 * - `listening`: leased, and the holder listens.
 * - `conflict`: leased, and a stranger listens.
 */
export const MAP_LETTERS = {
  none: "n",
  free: "f",
  ephemeral: "e",
  pool: "p",
  quarantined: "q",
  excluded: "x",
  used: "u",
  leased: "l",
  listening: "s",
  conflict: "c",
} as const;

/** One of them. */
export type MapState = keyof typeof MAP_LETTERS;

/** The states in the order of their precedence, the strongest last. */
export const MAP_STATES = Object.keys(MAP_LETTERS) as readonly MapState[];

/** All ports, 0 to 65535. */
export interface PortMap {
  /** Differs whenever anything else here does. */
  readonly version: string;
  /** Each state with the letter that it has below. */
  readonly letters: Readonly<Record<MapState, string>>;
  /** Run lengths, ascending from port 0: how many ports in a row, and their letter: `1n19f…`; they add up to 65,536. */
  readonly tcp: string;
  readonly udp: string;
  /** How many ports of each state there are. */
  readonly counts: Readonly<Record<Protocol, Readonly<Record<MapState, number>>>>;
  /** As configured; ports in it that are registered for a service, or excluded, are not in the pool. */
  readonly pool: readonly PortRange[];
  readonly ephemeral: readonly PortRange[];
  /** Below this port listening takes an administrator's rights. */
  readonly unprivilegedFrom: number;
  /** What is known of the line; null where nobody has asked for it since the start. */
  readonly line: LineVerdict | null;
  /** The external ports that the line can have; null where it can have every port, or that is not known. */
  readonly usable: readonly PortRange[] | null;
}
