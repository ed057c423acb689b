/** Error numbers of Windows, winerror.h, and the error that carries one. */

export const NO_ERROR = 0;
export const ERROR_FILE_NOT_FOUND = 2;
export const ERROR_ACCESS_DENIED = 5;
export const ERROR_NOT_SUPPORTED = 50;
/** A list is longer than the buffer for it. */
export const ERROR_BUFFER_OVERFLOW = 111;
/** A service does not know a control. */
export const ERROR_CALL_NOT_IMPLEMENTED = 120;
export const ERROR_INSUFFICIENT_BUFFER = 122;
/** There is nothing to list. */
export const ERROR_NO_DATA = 232;
export const ERROR_MORE_DATA = 234;
export const ERROR_NO_MORE_ITEMS = 259;
/** A value of the registry has another type than the one asked for. */
export const ERROR_UNSUPPORTED_TYPE = 1630;

/** Of services. */
export const ERROR_SERVICE_REQUEST_TIMEOUT = 1053,
  ERROR_SERVICE_DISABLED = 1058,
  ERROR_SERVICE_DOES_NOT_EXIST = 1060,
  /** The exit code of a service is one of its own. */
  ERROR_SERVICE_SPECIFIC_ERROR = 1066,
  ERROR_PROCESS_ABORTED = 1067,
  ERROR_SERVICE_MARKED_FOR_DELETE = 1072,
  ERROR_SERVICE_EXISTS = 1073,
  ERROR_SERVICE_NEVER_STARTED = 1077;

/** A call of Windows failed; the message is `Cannot <intent>: <reason>`. */
export class WindowsError extends Error {
  override readonly name = "WindowsError";
  /** Of winerror.h. */
  readonly number: number;

  /** @param reason is what the number means here. @default what it means everywhere, where that is known */
  constructor(intent: string, number: number, reason = REASONS[number]) {
    super(
      `Cannot ${intent}: ${reason === undefined ? `Windows error ${number}` : `${reason} (Windows error ${number})`}`,
    );
    this.number = number;
  }
}

const REASONS: Readonly<Record<number, string>> = {
  [ERROR_ACCESS_DENIED]: "that takes an administrator's rights",
};
