/** Keeps the map of all ports, and makes a new one when it is asked for and something may have changed. */
import type { Timer } from "../clock.ts";
import type { Allocator } from "../lease/allocator.ts";
import type { EventLog } from "../lease/events.ts";
import type { Pool } from "../lease/pool.ts";
import type { Registry } from "../lease/registry.ts";
import type { Line } from "../line/line.ts";
import type { Scanner } from "../listener/listener.ts";
import type { PortRules } from "../os/port_rules.ts";
import type { SocketRow } from "../os/socket.ts";
import type { PortRange, Protocol } from "../port/port.ts";
import { drawMap } from "./draw_map.ts";
import type { PortMap } from "./port_map.ts";

/** What {@linkcode PortMapReader} asks. */
export interface PortMapParts {
  readonly clock: Timer;
  readonly registry: Pick<Registry, "written">;
  readonly events: Pick<EventLog, "last">;
  readonly allocator: Pick<Allocator, "quarantined" | "isQuarantined">;
  readonly pool: Pick<Pool, "ports" | "isFree">;
  readonly scanner: Pick<Scanner, "sockets">;
  readonly rules: Pick<PortRules, "current">;
  readonly config: { readonly pool: readonly PortRange[]; readonly exclude: readonly PortRange[] };
  readonly line: { readonly known: Line | undefined };
}

/** A map, and what it was made from. Times are on the clock since boot. */
interface Made {
  readonly map: PortMap;
  readonly madeAt: number;
  /** The last event before it. */
  readonly event: number;
}

/** A map is as old as this at most, in milliseconds: what listens without a lease makes no event. */
const KEEP_MS = 1000;
/** Between two maps lies so much, in milliseconds: making one takes some milliseconds of the event loop. */
const PAUSE_MS = 200;

/** Callers at the same time share one map. */
export class PortMapReader {
  readonly #parts: PortMapParts;
  #last: Made | undefined;
  #making: Promise<void> | undefined;
  #sockets: readonly SocketRow[] = [];
  #scannedAt = -Infinity;

  constructor(parts: PortMapParts) {
    this.#parts = parts;
  }

  /** The map, with everything that was published before this call, and listeners as of one second ago at most. */
  async read(): Promise<PortMap> {
    const { clock, events } = this.#parts;
    const event = events.last, oldest = clock.monotonic() - KEEP_MS;
    for (;;) {
      const last = this.#last;
      if (last !== undefined && last.event >= event && last.madeAt > oldest) return last.map;
      await (this.#making ??= this.#make().finally(() => this.#making = undefined));
    }
  }

  /** A map that may be a second old: for who is shown a fresh one soon. */
  async recent(): Promise<PortMap> {
    const last = this.#last;
    return last !== undefined && last.madeAt > this.#parts.clock.monotonic() - KEEP_MS ? last.map : await this.read();
  }

  async #make(): Promise<void> {
    const { clock, scanner } = this.#parts;
    const waitMs = (this.#last?.madeAt ?? -Infinity) + PAUSE_MS - clock.monotonic();
    if (waitMs > 0) await new Promise<void>((resolve) => clock.after(waitMs, resolve));
    if (clock.monotonic() - this.#scannedAt >= KEEP_MS) {
      const scannedAt = clock.monotonic();
      this.#sockets = await scanner.sockets({ connections: false });
      this.#scannedAt = scannedAt;
    }
    // One turn from here on: what is in the map was true at one moment.
    const made = { madeAt: clock.monotonic(), event: this.#parts.events.last };
    const map = this.#draw();
    this.#last = { ...made, map: { version: await digest(JSON.stringify(map)), ...map } };
  }

  #draw(): Omit<PortMap, "version"> {
    const { registry, allocator, pool, rules, config, line } = this.#parts;
    const anyWithheld = allocator.quarantined > 0;
    return drawMap({
      os: rules.current,
      pool: config.pool,
      members: pool.ports,
      exclude: config.exclude,
      // A withheld port is taken in the pool, for the protocols for which it is withheld.
      isWithheld: (port: number, protocol: Protocol) =>
        anyWithheld && allocator.isQuarantined(port) && !pool.isFree(port, [protocol]),
      listeners: this.#sockets,
      leases: registry.written(),
      line: line.known,
    });
  }
}

/** 80 bits of the SHA-256 of a text, as hexadecimal digits. */
async function digest(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return [...bytes.subarray(0, 10)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
