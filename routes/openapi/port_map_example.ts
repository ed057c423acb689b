/** An example of a port map. */
import { MAP_LETTERS, type PortMap } from "../../src/inspect/port_map.ts";

const NONE = {
  none: 1,
  free: 0,
  ephemeral: 0,
  pool: 0,
  quarantined: 0,
  excluded: 0,
  used: 0,
  leased: 0,
  listening: 0,
  conflict: 0,
};

/** One lease whose holder listens, and a stranger on port 22. */
export const PORT_MAP_EXAMPLE: PortMap = {
  version: "9f2c1d0a44b7e3550c1e",
  letters: MAP_LETTERS,
  tcp: "1n21f1u19977f417p1s9582p2768f28232e4536f",
  udp: "1n19999f10000p2768f28232e4536f",
  counts: {
    tcp: { ...NONE, free: 27_302, ephemeral: 28_232, pool: 9_999, used: 1, listening: 1 },
    udp: { ...NONE, free: 27_303, ephemeral: 28_232, pool: 10_000 },
  },
  pool: [{ first: 20_000, last: 29_999 }],
  ephemeral: [{ first: 32_768, last: 60_999 }],
  unprivilegedFrom: 1024,
  line: null,
  usable: null,
};
