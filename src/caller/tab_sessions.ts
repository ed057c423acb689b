/**
 * Tabs of a browser that may do what the token may, without having it. Whoever has the token gets a code, which opens one
 * session within a minute; the session has a token of its own. Both are kept as hashes, in memory only. A code is for one
 * user, as it may be seen in the list of processes while a browser is started with it.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { type Clock, isoInstant } from "../clock.ts";
import type { User } from "./caller.ts";

/** What a code, or a session's token, is given out as. */
export interface Secret {
  /** Lower-case hexadecimal digits. */
  readonly text: string;
  /** ISO instant after which it is worth nothing. */
  readonly expiresAt: string;
}

/** 160 random bits; a code is part of an address, and a session's token is as long as the daemon's. */
const CODE_BYTES = 20, TOKEN_BYTES = 32;
/** How long a code can be used, in milliseconds: a browser may have to start first. */
const CODE_MS = 60_000;
/** How long a session lasts, in milliseconds. */
const SESSION_MS = 12 * 3_600_000;
/** With one more, the oldest is worth nothing any more. */
const MOST_CODES = 16, MOST_SESSIONS = 64;

/** The codes and sessions of one daemon; they end with it. */
export class TabSessions {
  readonly #clock: Pick<Clock, "now" | "monotonic">;
  readonly #codes: Hashes;
  readonly #sessions: Hashes;

  constructor(clock: Pick<Clock, "now" | "monotonic">) {
    this.#clock = clock;
    this.#codes = new Hashes(clock, MOST_CODES);
    this.#sessions = new Hashes(clock, MOST_SESSIONS);
  }

  /**
   * Makes a code; of the codes that are alive, the oldest makes room for the seventeenth.
   *
   * @param user is the only one who may use it; null where everybody may.
   */
  makeCode(user: User): Secret {
    return this.#give(this.#codes, { bytes: CODE_BYTES, lifeMs: CODE_MS, user });
  }

  /**
   * Opens a session for a code, which is used up.
   *
   * @param user is the one who calls.
   * @returns `undefined` for a code that is not known, was used, or is old, and for one of another user, which stays good.
   */
  open(code: string, user: User): Secret | undefined {
    const found = this.#codes.find(code);
    if (found === undefined || (found.user !== null && found.user !== user)) return undefined;
    this.#codes.remove(found);
    return this.#give(this.#sessions, { bytes: TOKEN_BYTES, lifeMs: SESSION_MS, user: null });
  }

  /** Whether this is the token of a session. */
  has(token: string): boolean {
    return this.#sessions.find(token) !== undefined;
  }

  /** Ends a session. @returns whether there was one. */
  end(token: string): boolean {
    const found = this.#sessions.find(token);
    if (found !== undefined) this.#sessions.remove(found);
    return found !== undefined;
  }

  #give(hashes: Hashes, { bytes, lifeMs, user }: { bytes: number; lifeMs: number; user: User }): Secret {
    const random = crypto.getRandomValues(new Uint8Array(bytes));
    const text = Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
    hashes.add(text, user, lifeMs);
    return { text, expiresAt: isoInstant(this.#clock.now() + lifeMs) };
  }
}

interface Hashed {
  readonly hash: Uint8Array;
  readonly user: User;
  /** On the clock since boot. */
  readonly until: number;
}

/** Texts of which only the hashes are kept, each for a while. */
class Hashes {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #most: number;
  /** The oldest first. */
  #kept: readonly Hashed[] = [];

  constructor(clock: Pick<Clock, "monotonic">, most: number) {
    this.#clock = clock;
    this.#most = most;
  }

  add(text: string, user: User, lifeMs: number): void {
    const added = { hash: hashOf(text), user, until: this.#clock.monotonic() + lifeMs };
    this.#kept = [...this.#alive(), added].slice(-this.#most);
  }

  remove(hashed: Hashed): void {
    this.#kept = this.#alive().filter((each) => each !== hashed);
  }

  /** Compares with every hash, each in a time that does not depend on where they differ. */
  find(text: string): Hashed | undefined {
    const alive = this.#alive();
    if (alive.length === 0) return undefined;
    const hash = hashOf(text);
    let found: Hashed | undefined;
    for (const each of alive) if (timingSafeEqual(each.hash, hash)) found = each;
    return found;
  }

  #alive(): readonly Hashed[] {
    const now = this.#clock.monotonic();
    return this.#kept.filter(({ until }) => until > now);
  }
}

function hashOf(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}
