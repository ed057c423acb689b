/** Refusals in words: each names the obstacle, and suggests a free port. */
import { PortdError } from "../errors.ts";
import { socketUser } from "../listener/listener.ts";
import type { SocketRow } from "../os/socket.ts";
import type { Protocol } from "../port/port.ts";
import { type Process, type Processes, strangersOf } from "../process/process.ts";
import type { Refused } from "./allocator.ts";
import type { Lease } from "./lease.ts";
import { type Demand, isHopeless, type Shortage, shortageText } from "./shortage.ts";
import type { FindUnused } from "./suggestion.ts";

/** What a refusal is about. */
export interface RefusalContext extends Demand {
  /** The lease that has the port. */
  readonly lease: Lease | undefined;
  /** Free ports of the pool; the first of them that nobody uses is suggested. */
  readonly candidates: readonly number[];
  /** How many other requests wait for the same. */
  readonly waiting: number;
  /** What the ports of the pool or the range are used for, where all of them were tried. */
  readonly shortage: Shortage | undefined;
}

/** What {@linkcode Refusals} asks. */
export interface RefusalParts {
  /** Who listens on a port or is bound to it. */
  readonly findListener: (port: number, protocol: Protocol) => Promise<SocketRow | undefined>;
  readonly findUnused: FindUnused;
  readonly processes: Processes;
  /** Whether a lease of this id has ended. */
  readonly findEnded: (id: string) => Lease | undefined;
  /** Who excludes an excluded port. */
  readonly excluderOf: (port: number) => string;
  readonly poolText: string;
  /** Below this port the daemon may not listen; 0 where it may everywhere. */
  readonly privilegedBelow: number;
  /** The process in whose name drivers of the system listen, where there is one. */
  readonly kernelPid?: number | undefined;
}

/** Makes the errors. Reads leases, listeners and processes, and changes nothing. */
export class Refusals {
  readonly #parts: RefusalParts;

  constructor(parts: RefusalParts) {
    this.#parts = parts;
  }

  /** Below this port the daemon may not listen; 0 where it may everywhere. */
  get privilegedBelow(): number {
    return this.#parts.privilegedBelow;
  }

  /** Why a wish was refused. */
  async explain(refused: Refused, context: RefusalContext): Promise<PortdError> {
    const { wish, lease, candidates, waitMs } = context;
    const suggestion = await this.#parts.findUnused(candidates, wish.protocols);
    const data = suggestion === undefined ? {} : { suggestion };
    const isWaiting = waitMs > 0 && (refused.kind === "leased" || refused.kind === "kernel");
    const wait = isWaiting ? `; a request for one port does not wait: portd wait ${refused.port} --free does` : "";
    const hint = `${suggestion === undefined ? "" : `; ${suggestion} is free`}${wait}`;
    const asked = wish.protocols.join("+");
    switch (refused.kind) {
      case "excluded": {
        const message = `Cannot grant port ${refused.port}/${asked}: ${
          this.#parts.excluderOf(refused.port)
        } excludes it${hint}`;
        return new PortdError("port_excluded", message, {
          port: refused.port,
          field: "port",
          value: refused.port,
          ...data,
        });
      }
      case "leased": {
        const owner = lease === undefined ? "a lease that is ending" : ownerText(lease);
        const message = `Cannot grant port ${refused.port}/${asked}: leased to ${owner}${hint}`;
        return new PortdError("port_leased", message, { port: refused.port, ...(lease && { lease }), ...data });
      }
      case "kernel":
        return await this.#kernelRefusal(refused, hint, data);
      case "no_descriptors": {
        const message = "Cannot grant a port: portd has no file descriptor left to ask the kernel";
        return new PortdError("pool_exhausted", message, { retryAfter: 1 });
      }
      case "exhausted":
        return await this.#exhausted(context, data);
    }
  }

  /** The error for a lease that is not live. */
  notLive(id: string): PortdError {
    const ended = this.#parts.findEnded(id);
    if (ended === undefined) return new PortdError("lease_not_found", `Cannot find lease "${id}"`, { value: id });
    const message = `Cannot use lease ${ended.name ?? ended.id}: it was ${ended.state} at ${ended.endedAt}`;
    return new PortdError("lease_ended", message, { lease: ended });
  }

  async #exhausted(context: RefusalContext, data: object): Promise<PortdError> {
    const { shortage, waiting, asked, wish } = context;
    const words = { ...this.#parts, users: await this.#usersOf(context), ownerOf: ownerText };
    const others = waiting === 0
      ? ""
      : `, and ${waiting === 1 ? "1 request waits" : `${waiting} requests wait`} for one`;
    const isHopelessNow = isHopeless(context, this.privilegedBelow);
    const waitMs = isHopelessNow ? 0 : context.waitMs; // it has not waited
    const message = `${shortageText({ ...context, waitMs }, shortage, words)}${others}`;
    const members = shortage === undefined ? {} : membersOf(shortage, asked);
    if (isHopelessNow && wish.range!.last < this.privilegedBelow) {
      return new PortdError("port_privileged", message, { field: "range", ...members, ...data });
    }
    return new PortdError("pool_exhausted", message, { ...(!isHopelessNow && { retryAfter: 5 }), ...members, ...data });
  }

  /** Who uses the few ports that the kernel refused, by port. */
  async #usersOf({ shortage, wish: { protocols } }: RefusalContext): Promise<ReadonlyMap<number, string>> {
    const users = new Map<number, string>();
    if (shortage === undefined || shortage.counts.used > shortage.examples.used.length) return users;
    for (const port of shortage.examples.used) {
      for (const protocol of protocols) {
        const listener = await this.#parts.findListener(port, protocol);
        if (listener !== undefined) users.set(port, this.#userText(listener));
      }
    }
    return users;
  }

  #userText(listener: SocketRow | undefined): string {
    if (listener === undefined) return "a socket that portd cannot see is bound to it";
    if (listener.pid !== null && listener.pid === this.#parts.kernelPid) {
      return `Windows itself (pid ${listener.pid}) uses it at ${listener.localAddress}, as HTTP.sys does for web ` +
        "servers and other services (netsh http show servicestate)";
    }
    const verb = listener.state === "LISTEN" ? "listens on it" : "uses it", process = this.#processOf(listener);
    const user = process === undefined ? socketUser(listener, this.#parts.processes) : null;
    const who = process !== undefined
      ? `pid ${process.pid} (${process.command ?? "unknown command"})`
      : user === null
      ? "somebody"
      : `a process of user ${user}`;
    return `${who} ${verb} at ${listener.localAddress}`;
  }

  #present(listener: SocketRow, process: Process | undefined): object {
    const { protocol, localAddress, localPort, state, pid } = listener;
    const { command = null, cwd = null, user = socketUser(listener, this.#parts.processes) } = process ?? {};
    return { protocol, localAddress, localPort, state, pid, command, cwd, user };
  }

  #processOf(listener: SocketRow | undefined): Process | undefined {
    return listener?.pid ? strangersOf(this.#parts.processes).find(listener.pid) : undefined;
  }

  async #kernelRefusal(refused: Refused & { kind: "kernel" }, hint: string, data: object): Promise<PortdError> {
    const { port, obstacle } = refused;
    const protocol = "protocol" in obstacle ? obstacle.protocol : "tcp";
    if (obstacle.reason === "no_permission" && port < this.privilegedBelow) {
      const message = `Cannot grant port ${port}/${protocol}: ports below ${this.privilegedBelow} need ` +
        `an administrator's rights, which the daemon does not have${hint}`;
      return new PortdError("port_privileged", message, { port, ...data });
    }
    const listener = await this.#parts.findListener(port, protocol);
    const process = this.#processOf(listener);
    const user = obstacle.reason === "no_permission" ? "the system refuses it to the daemon" : this.#userText(listener);
    const message = `Cannot grant port ${port}/${protocol}: ${user}${hint}`;
    return new PortdError("port_in_use", message, {
      port,
      ...(listener && { listener: this.#present(listener, process) }),
      ...data,
    });
  }
}

/** The members of the problem that say how many ports there are, and what they are used for. */
function membersOf({ size, counts, leases, retryAt }: Shortage, asked: number): object {
  return { asked, ports: { size, ...counts }, leases, retryAt };
}

function ownerText({ name, id, holder, expiresAt }: Lease): string {
  const process = holder.pid === null ? holder.id : `pid ${holder.pid}, ${holder.command ?? "unknown command"}`;
  const until = expiresAt === null ? "" : ` until ${expiresAt}`;
  return `${name === null ? id : JSON.stringify(name)} (${process})${until}`;
}
