/** Where portd is a service of the system, no command starts a daemon of its user in the service's place. */
import { NoDaemonError } from "../../client/transport.ts";
import { type ServiceStatus, wordBehind } from "../../service/service.ts";
import type { CliContext } from "../context.ts";
import { wellKnownUrl } from "./places.ts";

/**
 * On Windows the service starts some minutes after the machine does: a daemon that took its address meanwhile would keep
 * it from starting, and its leases and rules would be nobody's.
 *
 * @throws {NoDaemonError} when the service of the system starts with the machine, is to have the address that is asked
 * for, and does not run.
 */
export async function refuseServicesPlace(context: CliContext): Promise<void> {
  const { state, startsAtBoot, command } = await statusOf(context);
  if (!startsAtBoot || state === "running") return;
  const listen = wordBehind(command, "--listen");
  if (wellKnownUrl(listen === undefined ? {} : { PORTD_LISTEN: listen }) !== wellKnownUrl(context.env)) return;
  throw new NoDaemonError(
    `Cannot find a daemon: portd is a service of this machine, and is ${state}; start it with: portd service start`,
  );
}

/** Who cannot ask the system is served by a daemon of his own, as where there is no service. */
async function statusOf(context: CliContext): Promise<Pick<ServiceStatus, "state" | "startsAtBoot" | "command">> {
  try {
    return await (await context.openService({ isUser: false })).status();
  } catch {
    return { state: "absent", startsAtBoot: false, command: null };
  }
}
