/** COM's failures in words. Pure. */
import { messageOf, PortdError } from "../../errors.ts";
import type { ComError } from "./com.ts";

/** HRESULTs, winerror.h; those of the form 0x8007nnnn contain a Windows error code. */
const E_ACCESSDENIED = 0x80070005, E_INVALIDARG = 0x80070057, CLASS_NOT_REGISTERED = 0x80040154;
const FILE_NOT_FOUND = 0x80070002;
/** The service has not been started, is disabled, does not answer, or has no endpoint. */
const SERVICE_NOT_RUNNING = [0x80070426, 0x80070422, 0x800706ba, 0x800706d9];
const SERVICE_STOPPED = "the Windows Defender Firewall service (mpssvc) does not run";

/** Whether the rule to be removed is not there. */
export function isNotThere({ hresult }: ComError): boolean {
  return hresult === FILE_NOT_FOUND;
}

/** Whether the next rule will fail for the same reason. */
export function isAboutEveryRule({ hresult }: ComError): boolean {
  return [E_ACCESSDENIED, CLASS_NOT_REGISTERED, ...SERVICE_NOT_RUNNING].includes(hresult);
}

/** A failure in words, without a full stop. */
export function reasonOf(error: ComError): string {
  const { hresult, method } = error;
  if (hresult === E_ACCESSDENIED) {
    return "that takes an administrator's rights: run portd as administrator or as a service";
  }
  if (SERVICE_NOT_RUNNING.includes(hresult)) return SERVICE_STOPPED;
  if (hresult === CLASS_NOT_REGISTERED) return "this Windows has no Windows Defender Firewall";
  if (hresult === FILE_NOT_FOUND) return "Windows finds no rule of its name";
  const field = /::put_(\w+)$/.exec(method)?.[1];
  if (hresult === E_INVALIDARG && field !== undefined) {
    return `Windows takes no such value for ${field} (${error.message})`;
  }
  return error.message;
}

/** The error of a firewall that cannot be read. @param cause is an error, or the reason in words. */
export function cannotRead(cause: unknown): PortdError {
  const reason = messageOf(cause).replace(/^Cannot /, "cannot ");
  return new PortdError("firewall_unavailable", `Cannot read the firewall: ${reason}`, {}, { cause });
}

/** The error of a change that failed. @param others is how many more failed. */
export function cannotChange(what: string, reason: string, others = 0): PortdError {
  const more = others === 0 ? "" : ` (and ${others} more)`;
  return new PortdError("firewall_unavailable", `Cannot ${what}: ${reason}${more}`);
}
