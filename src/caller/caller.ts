/**
 * Who calls: the user whose process has the other end of a connection to the daemon. This file is the types, and what
 * is remembered of callers; open.ts chooses for the system, linux/ and windows/ ask it.
 */
import type { Clock } from "../clock.ts";

/** One end of a TCP connection. */
export interface ConnectionEnd {
  readonly address: string;
  readonly port: number;
}

/** A connection from this machine to the daemon. */
export interface Connection {
  /** The caller's end. */
  readonly remote: ConnectionEnd;
  /** The daemon's end. */
  readonly local: ConnectionEnd;
}

/** A user as text: `uid:1000`, on Windows `sid:S-1-5-21-…`; null where the system does not say. */
export type User = string | null;

/** What portd asks an OS about the users of connections. */
export interface ConnectionUsers {
  /** The user that this process runs as. */
  readonly self: User;
  /** Who owns the caller's end of the connection at this moment. */
  userOf(connection: Connection): User | Promise<User>;
  /** Gives back what is kept open. */
  close(): void;
}

/** The users that administer a machine: they may do without portd whatever they may do with it. */
const ADMINISTRATORS: ReadonlySet<string> = new Set(["uid:0", "sid:S-1-5-18"]);

/**
 * How long a user is remembered for counting, in milliseconds, and for how many requests. Nobody else can have the port
 * of a connection before it is closed; whoever has it a moment later gains little.
 */
const REMEMBER_MS = 1000, MOST_USES = 64;
/** Connections that are remembered at once; beyond, all are forgotten. */
const MOST_REMEMBERED = 4096;

interface RememberedUser {
  readonly address: string;
  readonly user: string;
  /** On the clock since boot. */
  readonly until: number;
  uses: number;
}

/** What {@linkcode Callers} is made of. */
export interface CallersParts {
  readonly users: ConnectionUsers;
  readonly clock: Pick<Clock, "monotonic">;
}

/** Finds out who calls. */
export class Callers {
  readonly #users: ConnectionUsers;
  readonly #clock: Pick<Clock, "monotonic">;
  /** By the port of the caller's end. */
  readonly #remembered = new Map<number, RememberedUser>();

  constructor({ users, clock }: CallersParts) {
    this.#users = users;
    this.#clock = clock;
  }

  /** Who calls, as the system says now: for what gives rights. */
  identify(connection: Connection): User | Promise<User> {
    return this.#users.userOf(connection);
  }

  /**
   * Who called over this connection a moment ago, or calls now: for what is counted. The port of a connection that was
   * closed may be another user's since: 64 requests at most, within a second, then count for the wrong user.
   */
  recall(connection: Connection): User | Promise<User> {
    const { address, port } = connection.remote;
    const now = this.#clock.monotonic();
    const known = this.#remembered.get(port);
    if (known !== undefined && known.address === address && now < known.until && known.uses < MOST_USES) {
      known.uses++;
      return known.user;
    }
    const remember = (user: User) => {
      if (user !== null) this.#remember(port, { address, user, until: now + REMEMBER_MS, uses: 1 });
      return user;
    };
    const found = this.#users.userOf(connection);
    return found instanceof Promise ? found.then(remember) : remember(found);
  }

  /** Whether a user is the daemon's own, or one that administers the machine. */
  isOwner(user: User): boolean {
    return user !== null && (user === this.#users.self || ADMINISTRATORS.has(user));
  }

  close(): void {
    this.#users.close();
  }

  #remember(port: number, remembered: RememberedUser): void {
    if (this.#remembered.size >= MOST_REMEMBERED) this.#remembered.clear();
    this.#remembered.set(port, remembered);
  }
}
