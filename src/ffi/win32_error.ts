/** Error numbers of Windows, winerror.h. */

export const NO_ERROR = 0;
export const ERROR_FILE_NOT_FOUND = 2;
export const ERROR_ACCESS_DENIED = 5;
/** The parameter is wrong; of `OpenProcess`: there is no such process. */
export const ERROR_INVALID_PARAMETER = 87;
export const ERROR_NOT_SUPPORTED = 50;
export const ERROR_INSUFFICIENT_BUFFER = 122;
export const ERROR_MORE_DATA = 234;
export const ERROR_NO_MORE_ITEMS = 259;
/** A value of the registry has another type than was asked for. */
export const ERROR_UNSUPPORTED_TYPE = 1630;
