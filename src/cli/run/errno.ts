/** Names of errors. */

/** The OS's name of an error, like `EPIPE`; empty for an error of another kind. */
export function errnoOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
