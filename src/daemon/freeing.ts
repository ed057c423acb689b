/** Ending what listens for a lease, and releasing it: `portd free` for the dashboard. Loaded when it is first needed. */
import { PortdError } from "../errors.ts";
import type { PortDescriber } from "../inspect/describe.ts";
import type { PortSocket } from "../inspect/description.ts";
import type { LeaseRecord } from "../lease/record.ts";
import type { Registry } from "../lease/registry.ts";
import type { ProcessIdentity } from "../process/process.ts";
import type { EndedListener, Listener } from "../terminate/freeing.ts";

/** What {@linkcode openFreeing} takes from the daemon. */
export interface FreeingParts {
  readonly registry: Pick<Registry, "live" | "end">;
  readonly ports: Pick<PortDescriber, "describe">;
  /** Ends processes. @default those of this machine */
  readonly endListeners?: (listeners: readonly Listener[], port: number) => Promise<readonly EndedListener[]>;
}

/** Ends the listeners of a lease's holder and releases the lease. */
export interface Freeing {
  /**
   * @param approved are the processes that a person has seen and agreed to.
   * @throws {PortdError} `process_kept` where others listen, or one cannot be ended; the lease stays then.
   */
  free(id: string, approved: readonly ProcessIdentity[]): Promise<readonly EndedListener[]>;
}

/** The system's first process listens for services that it starts at the first connection. */
const INIT_PID = 1;

/** @returns what frees; it loads its parts at the first use. */
export function openFreeing({ registry, ports, endListeners }: FreeingParts): Freeing {
  return {
    async free(id, approved) {
      const { port } = registry.live(id);
      const end = endListeners ?? await loadEndListeners();
      const { listeners: seen } = await ports.describe(port);
      // The lease may have ended meanwhile: then the port, and whoever listens there, is another one's.
      const record = registry.live(id);
      const listeners = approvedListeners(record, seen, approved);
      const ended = listeners.length === 0 ? [] : await end(listeners, port);
      // A supervisor that has started the server again is seen here, and the lease stays.
      approvedListeners(record, (await ports.describe(port)).listeners, []);
      await registry.end(record.id, "released");
      return ended;
    },
  };
}

/** The processes that listen for the lease. @throws {PortdError} `process_kept` where any of them was not approved. */
function approvedListeners(
  { port, protocols }: LeaseRecord,
  sockets: readonly PortSocket[],
  approved: readonly ProcessIdentity[],
): readonly Listener[] {
  const found = new Map<string, Listener>();
  for (const socket of sockets.filter(({ protocol }) => protocols.includes(protocol))) {
    const { pid, startTime, bootId, protocol, ofHolder } = socket;
    const keep = (why: string) =>
      new PortdError("process_kept", `Cannot free port ${port}: ${why}`, { port, ...(pid !== null && { pid }) });
    if (ofHolder !== true) throw keep(`pid ${pid ?? "unknown"} listens there and does not belong to the holder`);
    if (pid === null || !startTime || bootId === null) throw keep("it cannot be seen which process listens there");
    if (pid === INIT_PID || pid === Deno.pid) throw keep(`pid ${pid} is never ended`);
    const isApproved = approved.some((each) =>
      each.pid === pid && each.startTime === startTime && each.bootId === bootId
    );
    if (!isApproved) throw keep(`pid ${pid} listens there now and was not shown before; look again`);
    const key = `${pid} ${startTime}`, known = found.get(key)?.protocols ?? [];
    found.set(key, { pid, startTime, bootId, protocols: known.includes(protocol) ? known : [...known, protocol] });
  }
  return [...found.values()];
}

async function loadEndListeners() {
  const { endListeners }: typeof import("../terminate/freeing.ts") = await load("freeing");
  return endListeners;
}

/** main.ts says why the import chooses. */
function load(part: "freeing") {
  return import(part === "freeing" ? "../terminate/freeing.ts" : "../terminate/end.ts");
}
