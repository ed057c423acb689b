/**
 * Being a service: this process tells the Service Control Manager of Windows how it is and hears from it. session.ts
 * holds what is said. Manuals: StartServiceCtrlDispatcherW, RegisterServiceCtrlHandlerExW, SetServiceStatus.
 */
import { messageOf } from "../../errors.ts";
import { addressOf } from "../../os/pointer.ts";
import type { Advapi32Services } from "../../os/windows/advapi32.ts";
import { wideText } from "../../os/windows/wide_text.ts";
import { SERVICE_NAME, type ServiceRun } from "../service.ts";
import type { ServiceEvents } from "./event_log.ts";
import { ServiceSession } from "./session.ts";

/** `LPSERVICE_MAIN_FUNCTIONW` and `LPHANDLER_FUNCTION_EX`, winsvc.h. */
const SERVICE_MAIN = { parameters: ["u32", "pointer"], result: "void" } as const;
const HANDLER = { parameters: ["u32", "u32", "pointer", "pointer"], result: "u32" } as const;
const CHECK_POINT_MS = 1000;
/** What a failed service is told to have ended with. */
const FAILURE = 1;
const NO_SERVICE = "Cannot run as a service: only the Service Control Manager of Windows starts it; use " +
  '"portd service start", or "portd serve" to run portd in this window';

/** What {@linkcode runAsService} speaks to. */
export interface ServiceProcessParts {
  readonly advapi32: Pick<
    Advapi32Services,
    "StartServiceCtrlDispatcherW" | "RegisterServiceCtrlHandlerExW" | "SetServiceStatus"
  >;
  readonly events: ServiceEvents;
}

/**
 * Runs `work` as the service, and ends when the Service Control Manager has heard that it ended.
 *
 * @throws {Error} when this process was not started by the Service Control Manager; what `work` throws.
 */
export async function runAsService(
  work: (service: ServiceRun) => Promise<void>,
  { advapi32, events }: ServiceProcessParts,
): Promise<void> {
  let handle: Deno.PointerValue = null;
  const session = new ServiceSession({
    report: (status) => void advapi32.SetServiceStatus(handle, status),
    later: (act) => void setTimeout(act),
  });
  const begun = Promise.withResolvers<"begun">();
  const name = new Uint8Array(wideText(SERVICE_NAME).buffer);
  // Called on threads of Windows', which wait while this one answers: so neither may take long.
  const handler = Deno.UnsafeCallback.threadSafe(HANDLER, (code) => session.control(code));
  const main = Deno.UnsafeCallback.threadSafe(SERVICE_MAIN, () => {
    handle = advapi32.RegisterServiceCtrlHandlerExW(name, handler.pointer, null);
    if (handle === null) return begun.reject(new Error("Cannot run as a service: Windows takes no control handler"));
    session.begin();
    begun.resolve("begun");
  });
  // Two SERVICE_TABLE_ENTRYW, the second of which is empty. To be kept, as the name, until the dispatcher has ended.
  const table = new BigUint64Array(4);
  table[0] = addressOf(name);
  table[1] = BigInt(Deno.UnsafePointer.value(main.pointer));
  const dispatcher = advapi32.StartServiceCtrlDispatcherW(table);
  try {
    if (await Promise.race([begun.promise, dispatcher]) !== "begun") throw new Error(NO_SERVICE);
    try {
      await tellAndWork(work, session, events);
    } finally {
      await dispatcher; // leaving before it has ended, the Service Control Manager would take for a crash
    }
  } finally {
    handler.close();
    main.close();
  }
}

async function tellAndWork(
  work: (service: ServiceRun) => Promise<void>,
  session: ServiceSession,
  events: ServiceEvents,
): Promise<void> {
  const checkPoints = setInterval(() => session.tick(), CHECK_POINT_MS);
  let isTold = false;
  const ready = () => {
    session.ready();
    if (!isTold) events.tell("start", "portd has started");
    isTold = true;
  };
  try {
    await work({ signal: session.signal, ready, onReload: session.onReload });
    events.tell("stop", "portd has stopped");
    session.end(0);
  } catch (error) {
    events.tell("failure", `portd has failed: ${messageOf(error)}`);
    session.end(FAILURE);
    throw error;
  } finally {
    clearInterval(checkPoints);
  }
}
