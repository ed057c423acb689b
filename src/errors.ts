/**
 * Every error that portd answers with on purpose. Each carries a stable {@linkcode PortdError.code}, the HTTP status
 * that belongs to it and the data a client needs to act; routes/problem.ts turns one into RFC 9457 problem+json.
 * docs/errors.md lists them all. At the end, the errors of the system in plain words: Deno's own name the system call.
 */

/** The stable codes with their HTTP status. A code once published keeps its meaning. */
export const STATUS_OF_CODE = {
  invalid_request: 400,
  unauthorized: 401,
  forbidden_origin: 403,
  scope_required: 403,
  caller_refused: 403,
  not_found: 404,
  lease_not_found: 404,
  method_not_allowed: 405,
  request_timeout: 408,
  port_leased: 409,
  port_in_use: 409,
  port_not_on_line: 409,
  name_taken: 409,
  lease_exists: 409,
  process_kept: 409,
  lease_ended: 410,
  payload_too_large: 413,
  unsupported_media_type: 415,
  misdirected_host: 421,
  port_out_of_range: 422,
  port_excluded: 422,
  port_privileged: 422,
  idempotency_key_reused: 422,
  too_many_leases: 429,
  too_many_checks: 429,
  internal: 500,
  not_supported: 501,
  store_unavailable: 503,
  pool_exhausted: 503,
  firewall_unavailable: 503,
  stun_unavailable: 503,
  too_many_readers: 503,
  shutting_down: 503,
  checker_busy: 503,
} as const;

/** A stable error code. */
export type ErrorCode = keyof typeof STATUS_OF_CODE;

/** Data of an error beyond its message: becomes extension members of the problem document. */
export interface ErrorData {
  /** The request field at fault, as a path: `services[0].port`. */
  readonly field?: string;
  /** The value that was given. */
  readonly value?: unknown;
  /** What would work, in words. */
  readonly expected?: string;
  /** The number of the port that the error is about. */
  readonly port?: number;
  /** A port that is free right now, to be asked for instead. */
  readonly suggestion?: number;
  /** Seconds after which another try may succeed; becomes `Retry-After`. */
  readonly retryAfter?: number;
  readonly [member: string]: unknown;
}

/** An error with a stable code; its message is one sentence for a person. */
export class PortdError extends Error {
  override readonly name: string = "PortdError";
  readonly code: ErrorCode;
  readonly data: ErrorData;

  constructor(code: ErrorCode, message: string, data: ErrorData = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.data = data;
  }

  /** The HTTP status that belongs to the code. */
  get status(): number {
    return STATUS_OF_CODE[this.code];
  }
}

/** A refusal of one request field: names the field, the value and what would work. */
export function invalidField(field: string, value: unknown, expected: string): PortdError {
  const message = `Cannot use "${field}": must be ${expected}, got ${describeValue(value)}`;
  return new PortdError("invalid_request", message, { field, value: printable(value), expected });
}

const LONGEST_VALUE = 80;

/** A value as it may stand in a message: short, and never the inside of a deep structure. */
export function describeValue(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}… (${text.length} characters)` : text;
}

/** The values of which one is accepted: `"soft" or "none"`. */
export function describeChoices(values: readonly unknown[]): string {
  return values.map((value) => JSON.stringify(value)).join(" or ");
}

function printable(value: unknown): unknown {
  if (typeof value === "string") return value.length > LONGEST_VALUE ? `${value.slice(0, LONGEST_VALUE)}…` : value;
  return typeof value === "object" && value !== null ? describeValue(value) : value;
}

/** Reasons by the system's name of the error; see errno(3). On Windows Deno uses the same names. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder",
  EACCES: "this user has no permission",
  EPERM: "this user has no permission",
  ENOTDIR: "a part of the path is a file and not a folder",
  EISDIR: "it is a folder and not a file",
  EEXIST: "there is a file of this name already",
  ENAMETOOLONG: "the name is too long",
  ELOOP: "the path has too many symbolic links",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EROFS: "the file system is read-only",
  EMFILE: "this process has too many open files",
  ENFILE: "the system has too many open files",
  EINVAL: "the system does not take this name or value",
  EIO: "the disk reports an error",
  EBUSY: "another program uses it",
  ENOTEMPTY: "the folder is not empty",
  EXDEV: "the two places are on different file systems",
  ECONNREFUSED: "nobody listens there",
  ECONNRESET: "the connection was broken",
  EPIPE: "the connection was broken",
  ETIMEDOUT: "the connection timed out",
  EHOSTUNREACH: "the host cannot be reached",
  ENETUNREACH: "the network cannot be reached",
  EADDRNOTAVAIL: "this machine has no such address",
};

/** Why the system refused, as half a sentence; the error's own words where the reason is not known. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Files of the kernel and of other processes. Deno advises to give portd every permission.
  if (error.name === "NotCapable") return "it is no file for programs to open";
  const known = "code" in error ? REASONS[String(error.code)] : undefined;
  return known ?? plainMessage(error);
}

/** The path in an error of the system, as Deno writes it. */
const PATH = /: [a-z]+ '(.*)'(?: -> '.*')?$/s;

/**
 * What `open` returns. Deno does not name the file in the error when a folder on the way to it cannot be read or is none:
 * here every error of the system names it.
 */
export function naming<Opened>(path: string, open: () => Opened): Opened {
  try {
    return open();
  } catch (error) {
    const isNameless = error instanceof Error && "code" in error && !PATH.test(error.message);
    if (isNameless) error.message += `: open '${path}'`;
    throw error;
  }
}

/** An error of the system as a sentence that names the file; any other error in its own words. */
export function describeSystemError(error: Error): string {
  const [, path] = PATH.exec(error.message) ?? [];
  const isKnown = "code" in error && REASONS[String(error.code)] !== undefined;
  return isKnown && path !== undefined ? `Cannot use ${path}: ${reasonOf(error)}` : plainMessage(error);
}

function plainMessage({ message }: Error): string {
  return message.replace(/ \(os error \d+\)/, "");
}

/** What `look` returns; `undefined` where the file or folder that it needs is not there. */
export function ifThere<Found>(look: () => Found): Found | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The same for what takes its time. */
export async function ifThereAsync<Found>(look: () => Promise<Found>): Promise<Found | undefined> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
