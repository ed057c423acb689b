/** Error numbers of Windows, winerror.h. */

export const NO_ERROR = 0;
export const ERROR_ACCESS_DENIED = 5;
/** The parameter is wrong; of `OpenProcess`: there is no such process. */
export const ERROR_INVALID_PARAMETER = 87;
export const ERROR_NOT_SUPPORTED = 50;
export const ERROR_INSUFFICIENT_BUFFER = 122;
