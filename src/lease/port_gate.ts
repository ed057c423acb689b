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
   * Comes when a request for so many ports may be worked on; `undefined` when it may be at once. Then
   * {@linkcode PortGate.leave} must follow.
   */
  enter(ports: number): Promise<void> | undefined {
    if (this.#line.length > 0 || !this.#hasRoomFor(ports)) {
      return new Promise((enter) => this.#line.push({ ports, enter }));
    }
    this.#inHand += ports;
  }

  /** The work for a request of so many ports is done, or will be done later, when a port becomes free. */
  leave(ports: number): void {
    this.#inHand -= ports;
    const [first] = this.#line;
    if (first === undefined || !this.#hasRoomFor(first.ports)) return;
    this.#line.shift();
    this.#inHand += first.ports;
    first.enter();
  }

  #hasRoomFor(ports: number): boolean {
    return this.#inHand === 0 || this.#inHand + ports <= MOST_IN_HAND;
  }
}
