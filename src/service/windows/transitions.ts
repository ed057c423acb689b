/** Bringing the service of Windows from one state to another, and waiting until it is there. */
import {
  SERVICE_AUTO_START,
  SERVICE_RUNNING,
  SERVICE_START_PENDING,
  SERVICE_STOP_PENDING,
  SERVICE_STOPPED,
} from "../../os/windows/advapi32.ts";
import { ERROR_SERVICE_NEVER_STARTED, ERROR_SERVICE_SPECIFIC_ERROR } from "../../os/windows/win32_error.ts";
import type { ServiceState, ServiceStatus } from "../service.ts";
import { splitCommandLine } from "../../os/windows/command_line.ts";
import type { Services } from "./services.ts";
import type { ServiceProcess } from "./structures.ts";

const FIRST_PAUSE_MS = 20, LONGEST_PAUSE_MS = 250;
/** How long it may make no progress, unless it asks for more time. */
const STALLED_MS = 30_000;

const STATES: Readonly<Record<number, ServiceState>> = {
  [SERVICE_STOPPED]: "stopped",
  [SERVICE_START_PENDING]: "starting",
  [SERVICE_STOP_PENDING]: "stopping",
};

/** The status of the service. @param definition is the registry key that defines it. */
export function describeStatus(services: Services, definition: string): ServiceStatus {
  const installed = services.read(), process = services.status();
  if (installed === undefined || process === undefined) {
    return { state: "absent", pid: null, exitCode: null, startsAtBoot: false, command: null, definition: null };
  }
  const exitCode = process.state === SERVICE_STOPPED ? exitCodeOf(process) : null;
  const state = exitCode === null || exitCode === 0 ? STATES[process.state] ?? "running" : "failed";
  return {
    state,
    pid: process.pid || null,
    exitCode,
    startsAtBoot: installed.startType <= SERVICE_AUTO_START,
    command: splitCommandLine(installed.commandLine),
    definition,
  };
}

/** How the last run ended; null where there was none. */
function exitCodeOf({ exitCode, specificExitCode }: ServiceProcess): number | null {
  if (exitCode === ERROR_SERVICE_NEVER_STARTED) return null;
  return exitCode === ERROR_SERVICE_SPECIFIC_ERROR ? specificExitCode : exitCode;
}

/** What the changes of state work with. Each is awaited to its end, for as long as it makes progress. */
export interface TransitionParts {
  readonly services: Services;
  /** Resolves after this time. */
  readonly pause: (ms: number) => Promise<void>;
}

/** Starts it and waits until it is ready. @throws {Error} when it ends before. @param log is the path of its log. */
export async function startService(parts: TransitionParts, log: string): Promise<void> {
  parts.services.start();
  for await (const process of statusesOf(parts, "start the service")) {
    if (process?.state === SERVICE_RUNNING) return;
    if (process?.state !== SERVICE_STOPPED) continue;
    const code = exitCodeOf(process);
    throw new Error(`Cannot start the service: it ended with exit code ${code}; its log ${log} may say why`);
  }
}

/** Stops it and waits until it has ended. */
export async function stopService(parts: TransitionParts): Promise<void> {
  let isAsked = false;
  for await (const process of statusesOf(parts, "stop the service")) {
    if (process === undefined || process.state === SERVICE_STOPPED) return;
    // A service that has just been started takes no control for a moment.
    isAsked ||= process.state === SERVICE_STOP_PENDING || parts.services.stop();
  }
}

/** Removes it, and waits until it is gone: Windows keeps it for as long as another program has it open. */
export async function deleteService(parts: TransitionParts): Promise<void> {
  parts.services.delete();
  const intent = "remove the service: a program has it open, such as services.msc or the Task Manager; close it";
  for await (const process of statusesOf(parts, intent)) if (process === undefined) return;
}

/** The status again and again. @throws {Error} when it makes no progress. */
async function* statusesOf({ services, pause }: TransitionParts, intent: string) {
  let waitedMs = 0, pauseMs = FIRST_PAUSE_MS, last = "";
  for (;;) {
    const process = services.status();
    yield process;
    const progress = `${process?.state} ${process?.checkPoint}`;
    if (progress !== last) waitedMs = 0;
    last = progress;
    if (waitedMs > Math.max(STALLED_MS, process?.waitHintMs ?? 0)) {
      throw new Error(`Cannot ${intent}: nothing has changed for ${Math.round(waitedMs / 1000)} seconds`);
    }
    await pause(pauseMs);
    waitedMs += pauseMs;
    pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS);
  }
}
