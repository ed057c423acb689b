/**
 * Tells a Ctrl-C from a `kill -INT`. The terminal sends its signals to the whole foreground process group, `kill` to one
 * process, and nothing that a Deno program can see of a signal tells which it was. A second process of our group can:
 * it has either been ended by the same signal, or not.
 */

/** How long the kernel and we may take to hear of the witness's end, in milliseconds. */
const HEARING_MS = 150;

/** A `cat` without anything to print, in our process group; it ends with us, as the other end of its input is ours. */
export class GroupWitness implements Disposable {
  #process = callWitness();

  /** Its pid; `undefined` when there is none. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Whether a signal that has just reached us has reached the whole group. */
  async hasSeen(name: Deno.Signal): Promise<boolean> {
    const witness = this.#process;
    // Without a witness it is more likely the keyboard's: at a terminal, `kill` is the exception.
    if (witness === undefined) return true;
    const { promise: late, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => resolve(undefined), HEARING_MS);
    const status = await Promise.race([witness.status, late]);
    clearTimeout(timer);
    if (status === undefined) return false;
    if (this.#process === witness) this.#process = callWitness();
    return status.signal === name;
  }

  [Symbol.dispose](): void {
    // Its input ends; an error of that tells only that it has ended already.
    this.#process?.stdin.close().catch(() => undefined);
    this.#process = undefined;
  }
}

function callWitness(): Deno.ChildProcess | undefined {
  try {
    const witness = new Deno.Command("cat", { stdin: "piped", stdout: "null", stderr: "null" }).spawn();
    witness.unref();
    return witness;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return undefined;
    throw error;
  }
}
