/** What the firewall backend reads from Windows besides rules: the firewall's service, and its own rights. */
import {
  type Advapi32,
  openAdvapi32,
  SC_MANAGER_CONNECT,
  SERVICE_QUERY_STATUS,
  SERVICE_RUNNING,
} from "../../os/windows/advapi32.ts";
import { openKernel32 } from "../../os/windows/kernel32.ts";
import { openNtdll } from "../../os/windows/ntdll.ts";
import { isElevated } from "../../os/windows/token.ts";
import { wideText } from "../../os/windows/wide_text.ts";
import { OpenedProcess } from "../../process/windows/opened_process.ts";

/** Whether a service runs; `unknown` where Windows does not say. */
export type ServiceState = "running" | "stopped" | "unknown";

/** This Windows, and this process on it. */
export interface Host {
  /** The state of the firewall's service, mpssvc. */
  serviceState(): Promise<ServiceState>;
  /** Whether this process has the rights of an administrator; `undefined` where Windows does not say. */
  isElevated(): boolean | undefined;
  /** The path of a process's program; `undefined` where there is no such process, or Windows does not say. */
  programOf(pid: number): string | undefined;
  /** A variable of the environment; paths of rules contain some. */
  variable(name: string): string | undefined;
}

/** Windows reads it on another thread, so it must not be garbage-collected. */
const SERVICE_NAME = wideText("mpssvc");
/** `SERVICE_STATUS`: seven numbers, the second of which is the state. */
const STATUS_NUMBERS = 7, STATE = 1;

/** This machine. @throws without permission for FFI. */
export function openHost(): Host {
  const advapi32 = openAdvapi32(), kernel32 = openKernel32(), ntdll = openNtdll();
  return {
    serviceState: () => serviceState(advapi32),
    isElevated: () => isElevated({ advapi32, kernel32 }),
    programOf(pid) {
      using opened = OpenedProcess.open(pid, { kernel32, ntdll }).opened;
      return opened?.image ?? undefined;
    },
    variable: (name) => Deno.env.get(name),
  };
}

async function serviceState(advapi32: Advapi32): Promise<ServiceState> {
  await using opened = new AsyncDisposableStack();
  const close = async (handle: Deno.PointerValue) => void await advapi32.CloseServiceHandle(handle);
  const services = await advapi32.OpenSCManagerW(null, null, SC_MANAGER_CONNECT);
  if (services === null) return "unknown";
  opened.adopt(services, close);
  const service = await advapi32.OpenServiceW(services, SERVICE_NAME, SERVICE_QUERY_STATUS);
  if (service === null) return "unknown";
  opened.adopt(service, close);
  const status = new Uint32Array(STATUS_NUMBERS);
  if (await advapi32.QueryServiceStatus(service, status) === 0) return "unknown";
  return status[STATE] === SERVICE_RUNNING ? "running" : "stopped";
}
