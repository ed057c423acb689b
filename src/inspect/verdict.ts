/** What a port is at this moment and what can be done about it, in words. Pure. */
import type { Obstacle } from "../hold/hold.ts";
import { endingOf } from "../lease/ending.ts";
import type { Lease } from "../lease/lease.ts";
import { type PortRange, rangeText } from "../port/port.ts";
import { shortCommand } from "../process/command_line.ts";
import type { Exclusion, PortDescription, PortSocket } from "./description.ts";
import { loopbackHint } from "./loopback.ts";

/** The first process (systemd): it listens for services that it starts at the first connection. */
const INIT_PID = 1;
/** How many characters of a command a sentence has. */
const COMMAND_WIDTH = 60;

/** What is known of a port before it is judged. */
export interface PortFacts extends Omit<PortDescription, "verdict" | "sentence" | "advice"> {
  readonly ephemeralRange: PortRange;
  /** Why the kernel would not give the port. */
  readonly obstacle: Obstacle | undefined;
  /** Whether portd has a hold on the port. */
  readonly isHeld: boolean;
  /** Whether the OS shows sockets that are bound and neither listen nor are connected. */
  readonly seesBound: boolean;
  /** Whether the daemon that judges listens there, for its API. @default false */
  readonly isApi?: boolean;
  /** Whether it is known who has leased the port; false where no daemon runs. @default true */
  readonly knowsLeases?: boolean;
}

const LEASES_UNKNOWN = "whether it is leased is not known without a daemon";

/** The judgement. */
export type Judgement = Pick<PortDescription, "verdict" | "sentence" | "advice">;

/** Judges a port. The worst comes first: a stranger on a lease, then other use, then leases, then exclusions. */
export function judge(facts: PortFacts): Judgement {
  const judgement = judgeState(facts);
  return { ...judgement, advice: [...loopbackAdvice(facts), ...judgement.advice] };
}

function judgeState(facts: PortFacts): Judgement {
  const { port, listeners, leases, exclusions, connections, obstacle } = facts;
  if (port === 0) return judgeZero(facts);
  const own = facts.isApi ? listeners.find(({ protocol }) => protocol === "tcp") : undefined;
  if (own !== undefined) return judgeDaemon(own, leases);
  const stranger = listeners.find(({ ofHolder }) => ofHolder === false);
  if (stranger !== undefined) return judgeConflict(port, stranger, leases);
  if (listeners.length > 0) return judgeListeners(facts);
  if (leases.length > 0) return judgeLeases(facts);
  if (exclusions.length > 0) return judgeExclusion(port, exclusions[0]!);
  const isBound = obstacle?.reason === "in_use" || connections.some(({ protocol }) => protocol === "udp");
  if (isBound) return judgeBound(port, connections);
  return judgeFree(facts);
}

function loopbackAdvice({ leases, listeners }: PortFacts): string[] {
  return leases.flatMap((lease) => {
    const own = listeners.filter(({ protocol, ofHolder }) => ofHolder !== false && lease.protocols.includes(protocol));
    const hint = loopbackHint(lease.exposure, own.map(({ localAddress }) => localAddress));
    return hint === undefined ? [] : [`${nameOf(lease)} is open to others, but ${hint}`];
  });
}

function judgeZero({ ephemeralRange }: PortFacts): Judgement {
  const range = rangeText(ephemeralRange);
  return {
    verdict: "excluded",
    sentence: `Port 0 is not a port: a program that asks for it gets any port of the ephemeral range ${range}`,
    advice: ["portd lease gives a port that nobody else gets"],
  };
}

/** The daemon listens itself. Nothing that is said of other listeners helps: `portd free` does not end the daemon. */
function judgeDaemon({ protocol, localPort, localAddress, ofHolder }: PortSocket, leases: readonly Lease[]): Judgement {
  const lease = leases.find(({ protocols }) => protocols.includes(protocol));
  const useless = lease && `; the lease ${quoted(lease)} of it is of no use`;
  return {
    verdict: ofHolder === false ? "conflict" : "listening",
    sentence: `Port ${localPort} is in use: portd itself listens at ${localAddress}, for its API${useless ?? ""}`,
    advice: [
      ...(lease === undefined ? [] : [`portd release ${nameOf(lease)} ends that lease`]),
      "portd lease gives a port that nobody uses",
      "PORTD_LISTEN gives portd another address",
    ],
  };
}

function judgeConflict(port: number, stranger: PortSocket, leases: readonly Lease[]): Judgement {
  const lease = leases.find(({ protocols }) => protocols.includes(stranger.protocol))!;
  const release = `portd release ${nameOf(lease)}`;
  return {
    verdict: "conflict",
    sentence: `Port ${port} is leased to ${holderText(lease)}, but a stranger listens: ${
      stranger.reason ?? socketText(stranger)
    }`,
    advice: [
      `portd free ${port} --force ends the stranger${stranger.pid === null ? ", as an administrator" : ""}`,
      `or release the lease and take another port: ${release}`,
    ],
  };
}

function judgeListeners({ port, listeners, leases, knowsLeases = true }: PortFacts): Judgement {
  const [first, ...others] = distinctProcesses(listeners.toSorted((a, b) => Number(b.ofHolder) - Number(a.ofHolder)));
  const more = others.length === 0 ? "" : ` and ${others.length} more`;
  const lease = leases.find(({ protocols }) => protocols.includes(first!.protocol));
  if (lease === undefined) {
    const advice = first!.pid === null
      ? []
      : [`end process ${first!.pid} yourself, if it is yours and you need the port`];
    const since = first!.startedAt === null ? "" : `, running since ${first!.startedAt}`;
    return {
      verdict: "listening",
      sentence: `Port ${port} is in use: ${socketText(first!)} listens${since}${more}; ${
        knowsLeases ? noLeaseText(first!, leases) : LEASES_UNKNOWN
      }`,
      advice: [
        "portd lease gives a port that nobody uses",
        `portd open ${port} leases it to that process and lets other machines reach it`,
        ...advice,
      ],
    };
  }
  const since = lease.listener === null ? "" : ` since ${lease.listener.since}`;
  return {
    verdict: "listening",
    sentence: `Port ${port} is leased to ${quoted(lease)}, and its holder listens${since}: ${
      socketText(first!)
    }${more}`,
    advice: [
      first!.pid === null || first!.pid === INIT_PID
        ? "stop its service or container: portd free cannot end it, as portd cannot see it or it is the system's first process"
        : `portd free ${port} ends it and gives the lease back`,
    ],
  };
}

/** A lease may be of the other protocol alone. */
function noLeaseText({ protocol }: PortSocket, leases: readonly Lease[]): string {
  const [other] = leases;
  if (other === undefined) return "portd has no lease of it";
  return `portd has no lease of it for ${protocol}; the one for ${other.protocols.join("+")} is ${quoted(other)}`;
}

function judgeLeases({ port, leases, isHeld }: PortFacts): Judgement {
  const claims = leases.map((lease) => {
    const who = lease.state === "idle" ? "its listener has left" : "nobody listens yet";
    const side = leases.length > 1 ? `/${lease.protocols.join("+")}` : "";
    return `${port}${side} is leased to ${holderText(lease)} since ${lease.grantedAt}; ${who}, and it ${
      endingOf(lease)
    }`;
  });
  return {
    verdict: "leased",
    sentence: `Port ${claims.join("; ")}`,
    advice: [
      ...(isHeld ? leases.filter(isUnclaimedTcp).map(holdAdvice) : []),
      ...leases.map((lease) => `portd release ${nameOf(lease)} gives it back`),
    ],
  };
}

function isUnclaimedTcp({ state, protocols }: Lease): boolean {
  return state === "granted" && protocols.includes("tcp");
}

/** For a lease on whose port nobody has listened yet: the hold may be the reason. */
function holdAdvice({ name }: Lease): string {
  const way = name === null ? "release it, and lease one with --hold none" : `portd lease ${name} --hold none`;
  return `if the server fails with "Address already in use", it does not set SO_REUSEADDR: ${way}`;
}

function judgeExclusion(port: number, { by, protocols, ...range }: Exclusion): Judgement {
  const isWindows = by === "windows";
  return {
    verdict: "excluded",
    sentence: isWindows
      ? `Port ${port} is excluded by Windows (${rangeText(range)}/${protocols.join("+")}): no program can have it`
      : `Port ${port} is excluded by the configuration (${rangeText(range)}): portd never grants it`,
    advice: isWindows
      ? ["netsh int ipv4 show excludedportrange protocol=tcp lists what Hyper-V and WinNAT have taken"]
      : ['portd config show prints where "exclude" is set'],
  };
}

function judgeBound(port: number, connections: readonly PortSocket[]): Judgement {
  // A connection in TIME_WAIT has ended and has no process: it is not what uses the port.
  const connection = connections.find(({ state }) => state !== "TIME_WAIT");
  const who = connection === undefined
    ? "a socket that portd cannot see is bound to it"
    : `${socketText(connection)} ${useText(connection)}`;
  return {
    verdict: "bound",
    sentence: `Port ${port} is in use: ${who}, though nobody listens`,
    advice: ["portd lease gives a port that nobody uses"],
  };
}

function useText({ protocol, state }: PortSocket): string {
  if (protocol === "tcp" && state === "CLOSE") return "is bound to it";
  return `uses it for a connection (${state || "UDP"})`;
}

function judgeFree(facts: PortFacts): Judgement {
  const { port, ephemeral, ephemeralRange, privileged, quarantined, pooled, obstacle, seesBound } = facts;
  const { knowsLeases = true } = facts, isUntried = obstacle?.reason === "no_permission";
  const remarks = [
    ...(knowsLeases ? [] : [LEASES_UNKNOWN]),
    ...(seesBound ? [] : ["a socket that is bound to it and does not listen cannot be seen on this system"]),
    ...(isUntried
      ? ["only root may listen on it, and the daemon is not root's, so it could not try"]
      : privileged
      ? ["listening on it takes an administrator's rights"]
      : []),
    ...(quarantined
      ? ["it was leased or in use a moment ago, and is granted only by number until it has cooled down"]
      : []),
    ...knownText(facts),
  ];
  const risk = `, but the system may give it to any program (ephemeral range ${rangeText(ephemeralRange)})`;
  const advice = pooled && !quarantined ? [`portd lease takes the next free port of the pool`] : [];
  return {
    verdict: "free",
    sentence: [`Port ${port} ${isUntried ? "seems" : "is"} free${ephemeral ? risk : ""}`, ...remarks].join("; "),
    advice: isUntried
      ? ["to lease it, run the daemon as root: sudo portd service install, then sudo portd service start"]
      : [`portd lease --port ${port} takes it`, ...advice],
  };
}

function knownText({ services, developmentUse }: PortFacts): string[] {
  const names = [...new Set(services.map(({ name }) => name))];
  return [
    ...(names.length === 0 ? [] : [`it is registered for ${names.join(", ")}`]),
    ...(developmentUse === null ? [] : [`developers know it from ${developmentUse}`]),
  ];
}

/** The process of a socket, and its local address. */
function socketText({ pid, user, process, forwarder, localAddress }: PortSocket): string {
  const at = ` at ${localAddress}`;
  if (pid === null) return `a process${user ? ` of user ${user}` : ""} that portd cannot see${at}`;
  if (forwarder !== null) {
    const { program, target } = forwarder;
    const container = target === null ? "a container" : `the container's ${target.address}:${target.port}`;
    return `pid ${pid} (${program} for ${container})${at}`;
  }
  const where = process?.cwd ? ` in ${process.cwd}` : "";
  return `pid ${pid} (${commandText(process?.command)})${where}${at}`;
}

function distinctProcesses(sockets: readonly PortSocket[]): PortSocket[] {
  return [...new Map(sockets.toReversed().map((socket) => [socket.pid, socket])).values()].toReversed();
}

function holderText(lease: Lease): string {
  const { pid, command, id } = lease.holder;
  return `${quoted(lease)} (${pid === null ? id : `pid ${pid}, ${commandText(command)}`})`;
}

function commandText(command: string | null | undefined): string {
  return command ? shortCommand(command, COMMAND_WIDTH) : "unknown command";
}

function quoted({ name, id }: Lease): string {
  return name === null ? id : JSON.stringify(name);
}

function nameOf({ name, id }: Lease): string {
  return name ?? id;
}
