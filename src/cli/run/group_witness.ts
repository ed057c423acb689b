/**
 * Tells apart Ctrl-C and `kill -INT`. A terminal sends its signals to the whole foreground process group, `kill` sends
 * one to one process, and a Deno program cannot see which of the two a signal was. A second process in our group, the
 * witness, shows it: either the same signal has ended it, or not.
 */
import { within } from "../../wait.ts";

/** How long it may take until we notice that the witness has ended. */
const NOTICE_MS = 150;

/** The witness is a `cat` that has nothing to print. It ends when we do, as its input is a pipe from us. */
export class GroupWitness implements Disposable {
  #process = startWitness();

  /** Its pid; `undefined` when there is no witness. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Whether a signal that has just reached us has reached the whole group. */
  async hasSeen(name: Deno.Signal): Promise<boolean> {
    const witness = this.#process;
    // Without a witness, Ctrl-C is more likely: `kill` is the exception at a terminal.
    if (witness === undefined) return true;
    const status = await within(witness.status, NOTICE_MS);
    if (status === undefined) return false;
    if (this.#process === witness) this.#process = startWitness();
    return status.signal === name;
  }

  [Symbol.dispose](): void {
    // This ends its input; it fails only where the witness has ended already.
    this.#process?.stdin.close().catch(() => undefined);
    this.#process = undefined;
  }
}

function startWitness(): Deno.ChildProcess | undefined {
  try {
    const witness = new Deno.Command("cat", { stdin: "piped", stdout: "null", stderr: "null" }).spawn();
    witness.unref();
    return witness;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return undefined;
    throw error;
  }
}
