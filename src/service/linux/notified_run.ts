/** The running service on Linux: what it reports to systemd, and what its signals mean. */
import { messageOf } from "../../errors.ts";
import type { ServiceRun } from "../service.ts";
import { NotifySocket } from "./notify.ts";

/** Options of {@linkcode runNotified}. */
export interface NotifiedRunOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Removes a variable from what child processes inherit. */
  readonly unsetEnv: (name: string) => void;
  /** Calls back on these signals until the returned function is called. */
  readonly onSignal: (names: readonly Deno.Signal[], handle: (name: Deno.Signal) => void) => () => void;
}

/** Only for this process: a child that inherited them could report in its name. */
const VARIABLES = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

/**
 * Runs `work` and reports its state to systemd. Without NOTIFY_SOCKET nothing is reported, and the signals mean the same.
 *
 * @throws what `work` throws; {@linkcode Error} when systemd does not take the report that the service is ready.
 */
export async function runNotified(
  work: (service: ServiceRun) => Promise<void>,
  { env, unsetEnv, onSignal }: NotifiedRunOptions,
): Promise<void> {
  for (const name of VARIABLES) unsetEnv(name);
  using socket = env.NOTIFY_SOCKET ? new NotifySocket(env.NOTIFY_SOCKET) : undefined;
  const report = (...lines: readonly string[]) => socket?.send(...lines) ?? true;
  const stopping = new AbortController();
  const stopWatchdog = startWatchdog(env, () => void report("WATCHDOG=1"));
  const stopSignals = onSignal(["SIGTERM", "SIGINT", "SIGHUP"], () => {
    if (!stopping.signal.aborted) report("STOPPING=1", "STATUS=Stopping");
    stopping.abort();
  });
  const ready = () => {
    if (!report("READY=1", "STATUS=Serving")) throw new Error("Cannot report to systemd that the service is ready");
  };
  try {
    await work({ signal: stopping.signal, ready });
    report("STOPPING=1", "STATUS=Stopped");
  } catch (error) {
    report("STOPPING=1", `STATUS=Failed: ${messageOf(error)}`);
    throw error;
  } finally {
    stopSignals();
    stopWatchdog();
  }
}

/**
 * Sends a sign of life at half of the time after which systemd takes the service for hung, sd_watchdog_enabled(3). It
 * comes from the event loop that serves: where that hangs, the signs stop. One may be lost: the next comes in time.
 *
 * @returns what stops it.
 */
function startWatchdog(env: NotifiedRunOptions["env"], sendSign: () => void): () => void {
  const limitUs = Number(env.WATCHDOG_USEC);
  const isForUs = env.WATCHDOG_PID === undefined || Number(env.WATCHDOG_PID) === Deno.pid;
  if (!isForUs || !(limitUs > 0)) return () => {};
  const timer = setInterval(sendSign, limitUs / 1000 / 2);
  return () => clearInterval(timer);
}
