/**
 * Lets requests for many ports through one after the other, each when the one before is on disk. So a small request,
 * which does not come here, waits behind one of them at most, however many there are.
 */

/** Requests for fewer ports do not pass here. */
export const MANY_PORTS = 8;
/** So many ports are in hand at once; a single request may be for more. */
const MOST_IN_HAND = 32;

interface Waiting {
  readonly ports: number;
  readonly enter: () => void;
}

/** A line of requests; the first came first. */
export class PortGate {
  readonly #line: Waiting[] = [];
  #inHand = 0;

  /**
   * Resolves when a request for so many ports may be worked on; `undefined` when it may be at once. Then
   * {@linkcode PortGate.leave} must follow.
   *
   * @param signal takes the request out of the line; the promise rejects with its reason.
   */
  enter(ports: number, signal?: AbortSignal): Promise<void> | undefined {
    if (this.#line.length > 0 || !this.#hasRoomFor(ports)) return this.#wait(ports, signal);
    this.#inHand += ports;
  }

  /** The work for a request of so many ports is done, or will be done later, when a port becomes free. */
  leave(ports: number): void {
    this.#inHand -= ports;
    for (let [first] = this.#line; first !== undefined && this.#hasRoomFor(first.ports); [first] = this.#line) {
      this.#line.shift();
      this.#inHand += first.ports;
      first.enter();
    }
  }

  #wait(ports: number, signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = () => {
      this.#line.splice(this.#line.indexOf(waiting), 1);
      reject(signal?.reason);
    };
    const waiting = {
      ports,
      enter() {
        signal?.removeEventListener("abort", abort);
        resolve();
      },
    };
    signal?.addEventListener("abort", abort);
    this.#line.push(waiting);
    return promise;
  }

  #hasRoomFor(ports: number): boolean {
    return this.#inHand === 0 || this.#inHand + ports <= MOST_IN_HAND;
  }
}
