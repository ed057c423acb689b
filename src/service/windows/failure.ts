/** What error numbers of Windows mean to somebody who changes a service. Pure. */
import {
  ERROR_FILE_NOT_FOUND,
  ERROR_PROCESS_ABORTED,
  ERROR_SERVICE_DISABLED,
  ERROR_SERVICE_DOES_NOT_EXIST,
  ERROR_SERVICE_EXISTS,
  ERROR_SERVICE_MARKED_FOR_DELETE,
  ERROR_SERVICE_REQUEST_TIMEOUT,
  WindowsError,
} from "../../os/windows/win32_error.ts";

const REASONS: Readonly<Record<number, string>> = {
  [ERROR_FILE_NOT_FOUND]: "its program is not there any more; install it again",
  [ERROR_PROCESS_ABORTED]: "its process ended unexpectedly",
  [ERROR_SERVICE_DISABLED]: "it is disabled",
  [ERROR_SERVICE_DOES_NOT_EXIST]: "there is no such service",
  [ERROR_SERVICE_EXISTS]: "another program has made it meanwhile",
  [ERROR_SERVICE_MARKED_FOR_DELETE]:
    "it is being removed, which waits for a program that has it open, such as services.msc or the Task Manager",
  [ERROR_SERVICE_REQUEST_TIMEOUT]: "its program ended before it was ready, or did not answer in time",
};

/** A call of the Service Control Manager failed. */
export function serviceError(intent: string, number: number): WindowsError {
  return new WindowsError(intent, number, REASONS[number]);
}
