/** Keeping the connections to the daemon's port within what its descriptors allow: the types and the dispatcher. */

/** The connections to one port of this process. */
export interface Crowd {
  /** From now on cuts connections off where descriptors run out, those of whoever has most of them first. */
  watch(port: number): void;
  /** Does so at once, for when there was no descriptor for a connection. */
  relieve(): Promise<void>;
  /** Ends the watch. */
  stop(): void;
}
