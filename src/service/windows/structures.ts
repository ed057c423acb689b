/** What Windows writes and reads about services, as bytes of a 64-bit system; winsvc.h. Pure. */
import { SC_ACTION_RESTART } from "../../os/windows/advapi32.ts";
import { textOfWide } from "../../os/windows/wide_text.ts";

/** Of `QUERY_SERVICE_CONFIGW`. */
export interface ServiceConfig {
  /** `SERVICE_AUTO_START` and others. */
  readonly startType: number;
  readonly commandLine: string;
  /** `LocalSystem`. */
  readonly account: string;
  readonly displayName: string;
}

const START_TYPE = 4, COMMAND_LINE = 16, ACCOUNT = 48, DISPLAY_NAME = 56;

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

/** A `SERVICE_FAILURE_ACTIONSW` with its actions behind it. @param base is the address of these bytes. */
export function writeRecovery(bytes: Uint8Array, base: bigint, { resetS, restartMs }: Recovery): void {
  const view = viewOf(bytes);
  view.setUint32(RESET, resetS, true);
  view.setUint32(COUNT, restartMs.length, true);
  view.setBigUint64(ACTIONS, base + BigInt(FAILURE_ACTIONS_SIZE), true);
  for (const [i, pauseMs] of restartMs.entries()) {
    const at = FAILURE_ACTIONS_SIZE + i * ACTION_SIZE;
    view.setUint32(at, SC_ACTION_RESTART, true);
    view.setUint32(at + 4, pauseMs, true);
  }
}

/** How many bytes {@linkcode writeRecovery} takes. */
export function recoverySize({ restartMs }: Recovery): number {
  return FAILURE_ACTIONS_SIZE + restartMs.length * ACTION_SIZE;
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
  const [, state, , exitCode, specificExitCode, checkPoint, waitHintMs, pid] = numbers;
  return {
    state: state!,
    exitCode: exitCode!,
    specificExitCode: specificExitCode!,
    checkPoint: checkPoint!,
    waitHintMs: waitHintMs!,
    pid: pid!,
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
