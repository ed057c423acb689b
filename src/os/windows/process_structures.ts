/** What Windows writes about processes, as bytes of a 64-bit system, and what it means. Pure. */
import { textOfWide } from "./wide_text.ts";

/** 100-nanosecond intervals from 1601 to 1970. */
const UNIX_EPOCH = 116_444_736_000_000_000n;
const INTERVALS_A_SECOND = 10_000_000n;

/** A FILETIME as an ISO instant in UTC, to the second; null for 0, by which Windows means none. */
export function isoOfFileTime(time: bigint): string | null {
  return time === 0n
    ? null
    : new Date(1000 * Number((time - UNIX_EPOCH + INTERVALS_A_SECOND / 2n) / INTERVALS_A_SECOND)).toISOString();
}

/** `UNICODE_STRING`: a length in bytes and an address. */
export interface UnicodeString {
  readonly length: number;
  readonly address: bigint;
}

/** Reads a `UNICODE_STRING` at an offset. */
export function parseUnicodeString(view: DataView, at: number): UnicodeString {
  return { length: view.getUint16(at, true), address: view.getBigUint64(at + 8, true) };
}

/**
 * The text of a `UNICODE_STRING` that lies in the same bytes.
 *
 * @param base is the address at which Windows saw the bytes.
 * @returns empty text where it points elsewhere.
 */
export function textWithin(bytes: Uint8Array, base: bigint, { length, address }: UnicodeString): string {
  const start = address - base;
  if (start < 0n || start + BigInt(length) > BigInt(bytes.length)) return "";
  return textOfWide(bytes.subarray(Number(start), Number(start) + length));
}

/** A row of `SYSTEM_PROCESS_INFORMATION`. */
export interface ProcessRow {
  readonly pid: number;
  readonly parentPid: number;
  /** FILETIME of its creation; 0 for the idle process. */
  readonly createdAt: bigint;
  /** The file name of its program, without a folder; empty for the idle process. */
  readonly image: string;
}

/** Offsets in `SYSTEM_PROCESS_INFORMATION`, winternl.h; its threads follow each row. */
const CREATE_TIME = 32, IMAGE_NAME = 56, PROCESS_ID = 80, PARENT_ID = 88, ROW_SIZE = 104;

/** Reads the answer of SystemProcessInformation; where it is cut off, its whole rows. */
export function* parseProcessTable(bytes: Uint8Array, base: bigint): Generator<ProcessRow> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + ROW_SIZE <= bytes.length;) {
    yield {
      pid: Number(view.getBigUint64(at + PROCESS_ID, true)),
      parentPid: Number(view.getBigUint64(at + PARENT_ID, true)),
      createdAt: view.getBigUint64(at + CREATE_TIME, true),
      image: textWithin(bytes, base, parseUnicodeString(view, at + IMAGE_NAME)),
    };
    const next = view.getUint32(at, true);
    if (next === 0) return;
    at += next;
  }
}

/** Size of `SYSTEM_TIMEOFDAY_INFORMATION`. */
export const TIME_OF_DAY_SIZE = 48;
const BOOT_TIME = 0, BOOT_TIME_BIAS = 32;

/**
 * The id of the boot, from `SYSTEM_TIMEOFDAY_INFORMATION`: the FILETIME of the start minus the bias, by which the clock
 * has been set since. Windows changes both whenever the clock is set, so that their difference stays.
 */
export function parseBoot(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return `boot-${view.getBigInt64(BOOT_TIME, true) - view.getBigInt64(BOOT_TIME_BIAS, true)}`;
}
