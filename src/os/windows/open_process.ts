/** Opening a process by its pid, with the reason where that fails. Manual: ZwOpenProcess. */
import { type Ntdll, STATUS_INVALID_CID, STATUS_INVALID_PARAMETER, STATUS_SUCCESS } from "./ntdll.ts";

/** `OBJECT_ATTRIBUTES` and `CLIENT_ID` of a 64-bit system. */
const ATTRIBUTES_SIZE = 48, CLIENT_ID_SIZE = 16;

/** An opened process, or why it could not be opened. */
export interface Opening {
  /** Null when it could not be opened. */
  readonly handle: Deno.PointerValue;
  /** `STATUS_SUCCESS`, or the reason. */
  readonly status: number;
}

/** Opens a process, whether it still runs or not. The last two bits of the pid are ignored. */
export function openProcess(pid: number, rights: number, { NtOpenProcess }: Pick<Ntdll, "NtOpenProcess">): Opening {
  const attributes = new DataView(new ArrayBuffer(ATTRIBUTES_SIZE));
  attributes.setUint32(0, ATTRIBUTES_SIZE, true);
  const client = new BigUint64Array(CLIENT_ID_SIZE / 8), handle = new BigUint64Array(1);
  client[0] = BigInt(pid);
  const status = NtOpenProcess(handle, rights, attributes, client);
  return { status, handle: status === STATUS_SUCCESS ? Deno.UnsafePointer.create(handle[0]!) : null };
}

/** Whether there is no process of this pid, so that it could not be opened. */
export function isMissing({ status }: Opening): boolean {
  return status === STATUS_INVALID_CID || status === STATUS_INVALID_PARAMETER;
}
