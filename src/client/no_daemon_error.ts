/** Nobody answers where a daemon was looked for, or what answers is not portd. */
export class NoDaemonError extends Error {
  override readonly name = "NoDaemonError";
}
