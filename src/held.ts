/**
 * Files that another program holds for a moment. On Windows a virus scanner or a backup opens what was just written, and
 * until it closes it again nobody can rename, link or remove it.
 */

/** How Windows refuses what another program holds: ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION. */
const HELD = ["EACCES", "EPERM", "EBUSY"], HELD_NUMBERS = /\(os error (?:5|32|33)\)/;
const TRIES = 10, FIRST_PAUSE_MS = 5, LONGEST_PAUSE_MS = 200;

/** Options of {@linkcode retryWhileHeld}. */
export interface HeldOptions {
  /** @default that of this machine */
  readonly os?: typeof Deno.build.os;
  /** Waits, and blocks the event loop. @default a real pause */
  readonly pause?: (ms: number) => void;
}

/**
 * Does something with a file; on Windows, while another program holds the file, up to ten times within about a second.
 * It blocks the event loop meanwhile: the file is one that portd needs to go on.
 *
 * @throws what `act` throws the last time; at once, where the file is not held.
 */
export function retryWhileHeld<Result>(
  act: () => Result,
  { os = Deno.build.os, pause = block }: HeldOptions = {},
): Result {
  for (let tries = 1, pauseMs = FIRST_PAUSE_MS;; tries++) {
    try {
      return act();
    } catch (error) {
      if (os !== "windows" || !isHeld(error) || tries === TRIES) throw error;
    }
    pause(pauseMs);
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
  }
}

function isHeld(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return HELD_NUMBERS.test(error.message) || ("code" in error && HELD.includes(String(error.code)));
}

function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/**
 * Gives a complete file a second name that nobody has yet, so that nobody ever sees an unfinished one. Where the file
 * system has no hard links, as exFAT, the file is copied instead: then another process may see a part of it.
 *
 * @throws {Deno.errors.AlreadyExists} when there is a file of this name.
 */
export function placeNew(draft: string, path: string): void {
  try {
    return retryWhileHeld(() => Deno.linkSync(draft, path));
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists || error instanceof Deno.errors.NotFound) throw error;
  }
  const bytes = Deno.readFileSync(draft);
  using file = Deno.openSync(path, { write: true, createNew: true, mode: 0o600 });
  try {
    for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
    file.syncDataSync();
  } catch (error) {
    Deno.removeSync(path); // on a full disk: no part of it may stay
    throw error;
  }
}
