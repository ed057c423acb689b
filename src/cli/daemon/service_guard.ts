/** Where portd is a service of the system, no command starts a daemon of its user instead. */
import { NoDaemonError } from "../../client/transport.ts";
import { flagValue, type ServiceStatus } from "../../service/service.ts";
import type { CliContext } from "../context.ts";
import { wellKnownUrl } from "./places.ts";

/**
 * Refuses to start a daemon at the address of the service. On Windows the service starts some minutes after the machine:
 * a daemon that took its address meanwhile would keep it from starting.
 *
 * @throws {NoDaemonError} when the service of the system starts with the machine, has the address that is asked for, and
 * does not run.
 */
export async function refuseToReplaceService(context: CliContext): Promise<void> {
  const { state, startsAtBoot, command } = await statusOf(context);
  if (!startsAtBoot || state === "running") return;
  const listen = flagValue(command, "--listen");
  if (wellKnownUrl(listen === undefined ? {} : { PORTD_LISTEN: listen }) !== wellKnownUrl(context.env)) return;
  throw new NoDaemonError(
    `Cannot find a daemon: portd is a service of this machine, and is ${state}; start it with: portd service start`,
  );
}

/** Where the system cannot be asked, there counts as being no service. */
async function statusOf(context: CliContext): Promise<Pick<ServiceStatus, "state" | "startsAtBoot" | "command">> {
  try {
    return await (await context.openService({ isUser: false })).status();
  } catch {
    return { state: "absent", startsAtBoot: false, command: null };
  }
}
