/** The job in which this process runs. Manual: Job Objects. */
import {
  JOB_OBJECT_EXTENDED_LIMIT_INFORMATION,
  JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
  type Kernel32,
  openKernel32,
} from "./kernel32.ts";

/** `JOBOBJECT_EXTENDED_LIMIT_INFORMATION` of a 64-bit system. */
const LIMITS_SIZE = 144, LIMIT_FLAGS = 16;

/** Whether Windows ends this process with the job that it is in. Without a job it does not. */
export function endsWithJob(kernel32: Pick<Kernel32, "QueryInformationJobObject"> = openKernel32()): boolean {
  const limits = new DataView(new ArrayBuffer(LIMITS_SIZE)), { QueryInformationJobObject: query } = kernel32;
  const isRead = query(null, JOB_OBJECT_EXTENDED_LIMIT_INFORMATION, limits, LIMITS_SIZE, null) !== 0;
  return isRead && (limits.getUint32(LIMIT_FLAGS, true) & JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE) !== 0;
}
