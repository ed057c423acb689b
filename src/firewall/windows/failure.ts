/** COM's failures in words. Pure. */
import { messageOf, type PortdError } from "../../errors.ts";
import { firewallUnavailable, READ } from "../backend.ts";
import { ComError } from "./com.ts";

/** HRESULTs, winerror.h; those of the form 0x8007nnnn contain a Windows error code. */
const E_INVALIDARG = 0x80070057, FILE_NOT_FOUND = 0x80070002;

const SERVICE_STOPPED = "the Windows Defender Firewall service (mpssvc) does not run";
/** Why no rule at all can be changed, by HRESULT. */
const REASONS: Readonly<Record<number, string>> = {
  /** E_ACCESSDENIED */
  0x80070005: "that takes an administrator's rights: run portd as administrator or as a service",
  /** REGDB_E_CLASSNOTREG */
  0x80040154: "this Windows has no Windows Defender Firewall",
  // The service has not been started, is disabled, does not answer, or has no endpoint.
  0x80070426: SERVICE_STOPPED,
  0x80070422: SERVICE_STOPPED,
  0x800706ba: SERVICE_STOPPED,
  0x800706d9: SERVICE_STOPPED,
};

/** Whether an error says that the rule to be removed is not there. */
export function isNotThere(error: unknown): boolean {
  return error instanceof ComError && error.hresult === FILE_NOT_FOUND;
}

/** Whether the next rule will fail for the same reason. */
export function isAboutEveryRule({ hresult }: ComError): boolean {
  return hresult in REASONS;
}

/** A failure in words, without a full stop. */
export function reasonOf({ hresult, method, message }: ComError): string {
  const field = /::put_(\w+)$/.exec(method)?.[1];
  if (hresult === FILE_NOT_FOUND) return "Windows finds no rule of its name";
  if (hresult === E_INVALIDARG && field !== undefined) return `Windows takes no such value for ${field} (${message})`;
  return REASONS[hresult] ?? message;
}

/** The error of a firewall that cannot be read. */
export function cannotRead(cause: unknown): PortdError {
  return firewallUnavailable(READ, messageOf(cause).replace(/^Cannot /, "cannot "), cause);
}
