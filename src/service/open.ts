/** The service control of each OS: the dispatcher. It loads only the one that it needs. */
import type { ServiceControl, ServiceOptions } from "./service.ts";

/** The service control of a system. @throws {Error} where portd knows none. */
export async function openServiceControl({ os, ...options }: ServiceOptions): Promise<ServiceControl> {
  if (os === "windows") {
    if (options.isUser) throw new Error("Cannot open the service of a user: Windows has none");
    const { WindowsServiceControl }: typeof import("./windows/service_control.ts") = await load(os);
    return new WindowsServiceControl();
  }
  const uid = Deno.uid()!;
  if (os === "darwin") {
    const { Launchd }: typeof import("./darwin/launchd.ts") = await load(os);
    return new Launchd({ ...options, uid });
  }
  if (os !== "linux") {
    throw new Error(`Cannot be a service on ${os}: portd knows only the services of Linux, macOS and Windows`);
  }
  const { SystemdControl }: typeof import("./linux/systemd.ts") = await load(os);
  return new SystemdControl({ ...options, uid, unsetEnv: (name) => Deno.env.delete(name) });
}

/** main.ts says why the import chooses. */
function load(os: "linux" | "darwin" | "windows") {
  return import(
    os === "linux" ? "./linux/systemd.ts" : os === "darwin" ? "./darwin/launchd.ts" : "./windows/service_control.ts"
  );
}
