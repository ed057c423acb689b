/** What Windows writes and reads about services, as bytes of a 64-bit system; winsvc.h. */
import { addressOf } from "../../os/pointer.ts";
import { SC_ACTION_RESTART } from "../../os/windows/advapi32.ts";
import { textOfWide, wideBytes } from "../../os/windows/wide_text.ts";

/** Of `QUERY_SERVICE_CONFIGW`. */
export interface ServiceConfig {
  /** `SERVICE_AUTO_START` and others. */
  readonly startType: number;
  readonly commandLine: string;
  /** `LocalSystem`. */
  readonly account: string;
  readonly displayName: string;
}

const START_TYPE = 4, COMMAND_LINE = 16, ACCOUNT = 48, DISPLAY_NAME = 56, POINTER_SIZE = 8;

/** Reads a `QUERY_SERVICE_CONFIGW`. @param base is the address at which Windows saw the bytes. */
export function parseConfig(bytes: Uint8Array, base: bigint): ServiceConfig {
  const view = viewOf(bytes);
  const text = (at: number) => textAt(bytes, view.getBigUint64(at, true) - base);
  return {
    startType: view.getUint32(START_TYPE, true),
    commandLine: text(COMMAND_LINE),
    account: text(ACCOUNT),
    displayName: text(DISPLAY_NAME),
  };
}

/** Reads a `SERVICE_DESCRIPTIONW`: empty where there is none. @param base as of {@linkcode parseConfig}. */
export function parseDescription(bytes: Uint8Array, base: bigint): string {
  return textAt(bytes, viewOf(bytes).getBigUint64(0, true) - base);
}

/** A `SERVICE_DESCRIPTIONW` with its text behind it. */
export function descriptionBytes(text: string): Uint8Array<ArrayBuffer> {
  const wide = wideBytes(text), bytes = new Uint8Array(POINTER_SIZE + wide.length);
  const base = addressOf(bytes);
  viewOf(bytes).setBigUint64(0, base + BigInt(POINTER_SIZE), true);
  bytes.set(wide, POINTER_SIZE);
  return bytes;
}

/** What Windows does when a service fails: it starts it again. The last pause counts for all further starts. */
export interface Recovery {
  /** After this time without a failure the count begins again, in seconds. */
  readonly resetS: number;
  /** The pauses before the first start, the second and so on. */
  readonly restartMs: readonly number[];
}

const RESET = 0, COUNT = 24, ACTIONS = 32, FAILURE_ACTIONS_SIZE = 40, ACTION_SIZE = 8;

/**
 * Reads a `SERVICE_FAILURE_ACTIONSW`. @param base as of {@linkcode parseConfig}.
 * @returns `undefined` where it has other actions than to start the service again.
 */
export function parseRecovery(bytes: Uint8Array, base: bigint): Recovery | undefined {
  const view = viewOf(bytes);
  const start = Number(view.getBigUint64(ACTIONS, true) - base);
  const actions = Array.from({ length: view.getUint32(COUNT, true) }, (_, i) => start + i * ACTION_SIZE);
  if (actions.some((at) => view.getUint32(at, true) !== SC_ACTION_RESTART)) return undefined;
  return { resetS: view.getUint32(RESET, true), restartMs: actions.map((at) => view.getUint32(at + 4, true)) };
}

/** A `SERVICE_FAILURE_ACTIONSW` with its actions behind it. */
export function recoveryBytes({ resetS, restartMs }: Recovery): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(FAILURE_ACTIONS_SIZE + restartMs.length * ACTION_SIZE);
  const base = addressOf(bytes), view = viewOf(bytes);
  view.setUint32(RESET, resetS, true);
  view.setUint32(COUNT, restartMs.length, true);
  view.setBigUint64(ACTIONS, base + BigInt(FAILURE_ACTIONS_SIZE), true);
  for (const [i, pauseMs] of restartMs.entries()) {
    const at = FAILURE_ACTIONS_SIZE + i * ACTION_SIZE;
    view.setUint32(at, SC_ACTION_RESTART, true);
    view.setUint32(at + 4, pauseMs, true);
  }
  return bytes;
}

/** Reads a structure that is one `BOOL`. */
export function parseFlag(bytes: Uint8Array): boolean {
  return bytes[0] !== 0;
}

/** A structure that is one `BOOL`. */
export function flagBytes(flag: boolean): Uint8Array<ArrayBuffer> {
  return new Uint8Array([flag ? 1 : 0, 0, 0, 0]);
}

/** Of `SERVICE_STATUS_PROCESS`. */
export interface ServiceProcess {
  /** `SERVICE_RUNNING` and others. */
  readonly state: number;
  /** An error number of Windows, or `ERROR_SERVICE_SPECIFIC_ERROR`. */
  readonly exitCode: number;
  readonly specificExitCode: number;
  /** Counts up while it starts or stops. */
  readonly checkPoint: number;
  readonly waitHintMs: number;
  /** 0 while none runs. */
  readonly pid: number;
}

/** Numbers in a `SERVICE_STATUS_PROCESS`. */
export const STATUS_PROCESS_NUMBERS = 9;

/** Reads a `SERVICE_STATUS_PROCESS`. */
export function parseStatus(numbers: Uint32Array): ServiceProcess {
  return {
    state: numbers[1]!,
    exitCode: numbers[3]!,
    specificExitCode: numbers[4]!,
    checkPoint: numbers[5]!,
    waitHintMs: numbers[6]!,
    pid: numbers[7]!,
  };
}

/** The text up to a NUL; empty where the offset is not within the bytes, as with a null pointer. */
function textAt(bytes: Uint8Array, offset: bigint): string {
  if (offset < 0n || offset >= BigInt(bytes.length)) return "";
  return textOfWide(bytes.subarray(Number(offset), bytes.length & ~1)).split("\0", 1)[0]!;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
