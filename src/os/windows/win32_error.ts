/** Error numbers of Windows, winerror.h. */

export const NO_ERROR = 0;
export const ERROR_FILE_NOT_FOUND = 2;
export const ERROR_ACCESS_DENIED = 5;
/** The parameter is wrong; of `OpenProcess`: there is no such process. */
export const ERROR_INVALID_PARAMETER = 87;
export const ERROR_NOT_SUPPORTED = 50;
/** A service was told something that it does not know. */
export const ERROR_CALL_NOT_IMPLEMENTED = 120;
export const ERROR_INSUFFICIENT_BUFFER = 122;
/** Of `ChangeServiceConfig2W` and its like: this Windows knows no such setting. */
export const ERROR_INVALID_LEVEL = 124;
export const ERROR_MORE_DATA = 234;
export const ERROR_NO_MORE_ITEMS = 259;
/** A value of the registry has another type than was asked for. */
export const ERROR_UNSUPPORTED_TYPE = 1630;

/** Of services. */
export const ERROR_SERVICE_REQUEST_TIMEOUT = 1053,
  ERROR_SERVICE_ALREADY_RUNNING = 1056,
  ERROR_SERVICE_DISABLED = 1058,
  ERROR_SERVICE_DOES_NOT_EXIST = 1060,
  ERROR_SERVICE_CANNOT_ACCEPT_CTRL = 1061,
  ERROR_SERVICE_NOT_ACTIVE = 1062,
  /** The exit code of a service is one of its own. */
  ERROR_SERVICE_SPECIFIC_ERROR = 1066,
  ERROR_PROCESS_ABORTED = 1067,
  ERROR_SERVICE_MARKED_FOR_DELETE = 1072,
  ERROR_SERVICE_EXISTS = 1073,
  ERROR_SERVICE_NEVER_STARTED = 1077;
