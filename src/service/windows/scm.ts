/**
 * Running as a service: this process reports its state to the Service Control Manager of Windows and takes its controls.
 * session.ts decides what to report. Manuals: StartServiceCtrlDispatcherW, RegisterServiceCtrlHandlerExW,
 * SetServiceStatus.
 */
import { messageOf } from "../../errors.ts";
import { addressOf } from "../../os/pointer.ts";
import type { Advapi32Services } from "../../os/windows/advapi32.ts";
import { wideBytes } from "../../os/windows/wide_text.ts";
import { SERVICE_NAME, type ServiceRun } from "../service.ts";
import type { WriteEvent } from "./event_log.ts";
import { ServiceSession } from "./session.ts";

/** `LPSERVICE_MAIN_FUNCTIONW` and `LPHANDLER_FUNCTION_EX`, winsvc.h. */
const SERVICE_MAIN = { parameters: ["u32", "pointer"], result: "void" } as const;
const HANDLER = { parameters: ["u32", "u32", "pointer", "pointer"], result: "u32" } as const;
const CHECK_POINT_MS = 1000;
/** The exit code that a failed service reports. */
const FAILURE = 1;
const NO_SERVICE = "Cannot run as a service: only the Service Control Manager of Windows starts it; use " +
  '"portd service start", or "portd serve" to run portd in this window';

/** What {@linkcode runAsService} calls. */
export interface ServiceProcessParts {
  readonly advapi32: Pick<
    Advapi32Services,
    "StartServiceCtrlDispatcherW" | "RegisterServiceCtrlHandlerExW" | "SetServiceStatus"
  >;
  readonly writeEvent: WriteEvent;
  /** @default that of portd's service */
  readonly name?: string;
}

/**
 * Runs `work` as the service, and ends when the Service Control Manager has taken the report of its end.
 *
 * @throws {Error} when this process was not started by the Service Control Manager; what `work` throws.
 */
export async function runAsService(
  work: (service: ServiceRun) => Promise<void>,
  { advapi32, writeEvent, name: serviceName = SERVICE_NAME }: ServiceProcessParts,
): Promise<void> {
  let handle: Deno.PointerValue = null;
  const session = new ServiceSession({
    report: (status) => void advapi32.SetServiceStatus(handle, status),
    inNextTurn: (act) => void setTimeout(act),
  });
  const begun = Promise.withResolvers<"begun">();
  const name = wideBytes(serviceName);
  // Windows calls both on its own threads, which wait for this one: so neither may take long.
  const handler = Deno.UnsafeCallback.threadSafe(HANDLER, (code) => session.control(code));
  const main = Deno.UnsafeCallback.threadSafe(SERVICE_MAIN, () => {
    handle = advapi32.RegisterServiceCtrlHandlerExW(name, handler.pointer, null);
    if (handle === null) return begun.reject(new Error("Cannot run as a service: Windows takes no control handler"));
    session.begin();
    begun.resolve("begun");
  });
  // Two SERVICE_TABLE_ENTRYW, the second one empty. Table and name must live until the dispatcher has ended.
  const table = new BigUint64Array(4);
  table[0] = addressOf(name);
  table[1] = BigInt(Deno.UnsafePointer.value(main.pointer));
  const dispatcher = advapi32.StartServiceCtrlDispatcherW(table);
  try {
    if (await Promise.race([begun.promise, dispatcher]) !== "begun") throw new Error(NO_SERVICE);
    try {
      await workAndReport(work, session, writeEvent);
    } finally {
      await dispatcher; // the Service Control Manager takes a process that ends earlier for crashed
    }
  } finally {
    handler.close();
    main.close();
  }
}

async function workAndReport(
  work: (service: ServiceRun) => Promise<void>,
  session: ServiceSession,
  writeEvent: WriteEvent,
): Promise<void> {
  const checkPoints = setInterval(() => session.tick(), CHECK_POINT_MS);
  const ready = () => {
    session.ready();
    writeEvent("start", "portd has started");
  };
  try {
    await work({ signal: session.signal, ready });
    writeEvent("stop", "portd has stopped");
    session.end(0);
  } catch (error) {
    writeEvent("failure", `portd has failed: ${messageOf(error)}`);
    session.end(FAILURE);
    throw error;
  } finally {
    clearInterval(checkPoints);
  }
}
