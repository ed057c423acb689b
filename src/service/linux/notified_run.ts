/**
 * The running service on Linux: what it reports to systemd, by datagrams to the socket that NOTIFY_SOCKET names,
 * sd_notify(3), and what its signals mean.
 */
import { messageOf } from "../../errors.ts";
import { errno, openLibc } from "../../os/linux/libc.ts";
import type { ServiceOptions, ServiceRun } from "../service.ts";

/** Options of {@linkcode runNotified}. */
export interface NotifiedRunOptions extends Pick<ServiceOptions, "env" | "onSignal"> {
  /** Removes a variable from what child processes inherit. */
  readonly unsetEnv: (name: string) => void;
}

/** Only for this process: a child that inherited them could report in its name. */
const VARIABLES = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];
const AF_UNIX = 1, SOCK_DGRAM = 2, SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40, MSG_NOSIGNAL = 0x4000;
/** Of `sun_path` in `struct sockaddr_un`, unix(7). */
const LONGEST_PATH = 108;

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
  using socket = env.NOTIFY_SOCKET ? openNotifySocket(env.NOTIFY_SOCKET) : undefined;
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

/**
 * The connection to systemd.
 *
 * @param name an absolute path, or `@` and the name of an abstract socket.
 * @throws {Error} when no socket can have this name.
 */
function openNotifySocket(name: string) {
  const libc = openLibc(), address = socketAddress(name);
  const descriptor = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) throw new Error(`Cannot make a socket to systemd: errno ${errno(libc)}`);
  return {
    /**
     * Sends lines like `READY=1`. Waits for nothing: a systemd that does not read must not stop the daemon.
     *
     * @returns whether systemd's socket took them.
     */
    send(...lines: readonly string[]): boolean {
      const message = new TextEncoder().encode(lines.map((line) => line.replaceAll("\n", " ")).join("\n"));
      const flags = MSG_DONTWAIT | MSG_NOSIGNAL, size = BigInt(message.length);
      return libc.sendto(descriptor, message, size, flags, address, address.length) >= 0n;
    },
    [Symbol.dispose]: () => void libc.close(descriptor),
  };
}

/** `struct sockaddr_un`. An abstract name begins with a zero instead of `@` and ends where the address does. */
function socketAddress(name: string): Uint8Array<ArrayBuffer> {
  const isAbstract = name.startsWith("@");
  const path = new TextEncoder().encode(isAbstract ? `\0${name.slice(1)}` : `${name}\0`);
  if (!/^[@/]./.test(name) || path.length > LONGEST_PATH) {
    throw new Error(`Cannot report to systemd: NOTIFY_SOCKET is ${JSON.stringify(name)}`);
  }
  const address = new Uint8Array(2 + path.length);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(path, 2);
  return address;
}
