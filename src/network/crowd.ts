/** Limiting the connections to the daemon's port to what its descriptors allow: the types. open.ts opens it. */

/** The connections to one port of this process. */
export interface Crowd {
  /** From now on cuts connections when descriptors run out, first those of the caller who has most. */
  watch(port: number): void;
  /** Cuts connections at once: for when there was no descriptor for a connection. */
  relieve(): Promise<void>;
  /** Ends the watch. */
  stop(): void;
}
