/** The service while it runs: what systemd is told, and what its signals mean. */
import { messageOf } from "../../errors.ts";
import type { ServiceRun } from "../service.ts";
import { NotifySocket } from "./notify.ts";

/** Options of {@linkcode runNotified}. */
export interface NotifiedRunOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Takes a variable from what child processes inherit. */
  readonly unsetEnv: (name: string) => void;
  /** Calls back on these signals until the returned function is called. */
  readonly onSignal: (names: readonly Deno.Signal[], handle: (name: Deno.Signal) => void) => () => void;
}

/** For this process alone: a child that inherited them could speak for it. */
const VARIABLES = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

/**
 * Runs `work` and tells systemd how it is. Without NOTIFY_SOCKET nobody is told, and the signals mean the same.
 *
 * @throws what `work` throws; {@linkcode Error} when systemd cannot be told that the service is ready.
 */
export async function runNotified(
  work: (service: ServiceRun) => Promise<void>,
  { env, unsetEnv, onSignal }: NotifiedRunOptions,
): Promise<void> {
  for (const name of VARIABLES) unsetEnv(name);
  using socket = env.NOTIFY_SOCKET ? new NotifySocket(env.NOTIFY_SOCKET) : undefined;
  const tell = (...lines: readonly string[]) => socket?.tell(...lines) ?? true;
  const stopping = new AbortController();
  let reload: (() => void) | undefined;
  const stopWatchdog = startWatchdog(env, () => void tell("WATCHDOG=1"));
  const stopSignals = onSignal(["SIGTERM", "SIGINT", "SIGHUP"], (name) => {
    if (name !== "SIGHUP") {
      if (!stopping.signal.aborted) tell("STOPPING=1", "STATUS=Stopping");
      stopping.abort();
    } else if (reload !== undefined) {
      // MONOTONIC_USEC belongs to Type=notify-reload, of which the oldest systemd that is supported knows nothing.
      tell("RELOADING=1", "STATUS=Reading the configuration");
      reload();
    }
  });
  const ready = () => {
    if (!tell("READY=1", "STATUS=Serving")) throw new Error("Cannot tell systemd that the service is ready");
  };
  try {
    await work({ signal: stopping.signal, ready, onReload: (handle) => void (reload = handle) });
    tell("STOPPING=1", "STATUS=Stopped");
  } catch (error) {
    tell("STOPPING=1", `STATUS=Failed: ${messageOf(error)}`);
    throw error;
  } finally {
    stopSignals();
    stopWatchdog();
  }
}

/**
 * Gives a sign of life at half of the time after which systemd counts the service as hung, sd_watchdog_enabled(3). It
 * comes from the event loop that serves: where that hangs, the signs stop. A lost one is no loss, as the next comes in
 * time. @returns what ends it.
 */
function startWatchdog(env: NotifiedRunOptions["env"], giveSign: () => void): () => void {
  const limitUs = Number(env.WATCHDOG_USEC);
  const isMeant = env.WATCHDOG_PID === undefined || Number(env.WATCHDOG_PID) === Deno.pid;
  if (!isMeant || !(limitUs > 0)) return () => {};
  const timer = setInterval(giveSign, limitUs / 1000 / 2);
  return () => clearInterval(timer);
}
