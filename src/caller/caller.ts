/**
 * Who calls: the user whose process has the other end of a connection to the daemon. This file has the types and
 * remembers callers; open.ts chooses for the OS, linux/ and windows/ do the work.
 */
import type { Timer } from "../clock.ts";
import type { Connection } from "../os/socket.ts";

/** A user as text: `uid:1000`, on Windows `sid:S-1-5-21-…`; null where the OS does not say. */
export type User = string | null;

/** What portd asks an OS about the users of connections. */
export interface ConnectionUsers {
  /** The user that this process runs as. */
  readonly self: User;
  /**
   * Who owns the caller's end of a connection at this moment.
   *
   * @param connection as the daemon sees it: `remote` is the caller's end.
   */
  userOf(connection: Connection): User | Promise<User>;
  /** Closes what is open. */
  close(): void;
}

/** The users that administer a machine: they can do anything without portd too. */
const ADMINISTRATORS: ReadonlySet<string> = new Set(["uid:0", "sid:S-1-5-18"]);

/**
 * How long a user is remembered for counting, in milliseconds, and for how many requests. While a connection is open
 * nobody else can have its port, and who gets the port a moment later gains little.
 */
const REMEMBER_MS = 1000, MOST_USES = 256;
/** How many connections are remembered at once; with one more, all are forgotten. */
const MOST_REMEMBERED = 4096;

interface RememberedUser {
  readonly address: string;
  readonly user: string;
  /** On the clock since boot. */
  readonly until: number;
  uses: number;
}

/** Finds out who calls. */
export class Callers {
  readonly #users: ConnectionUsers;
  readonly #clock: Timer;
  /** By the port of the caller's end. */
  readonly #remembered = new Map<number, RememberedUser>();

  constructor({ users, clock }: { readonly users: ConnectionUsers; readonly clock: Timer }) {
    this.#users = users;
    this.#clock = clock;
  }

  /** Who calls, as the OS says now: to decide about rights. */
  identify(connection: Connection): User | Promise<User> {
    return this.#users.userOf(connection);
  }

  /**
   * Who called over this connection a moment ago, or calls now: to count leases. When a connection was closed, another
   * user may have got its port since. Then up to 256 requests, within a second, count for the wrong user.
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
      if (user === null) return user;
      if (this.#remembered.size >= MOST_REMEMBERED) this.#remembered.clear();
      this.#remembered.set(port, { address, user, until: now + REMEMBER_MS, uses: 1 });
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
}
