/** The service control of each OS: the dispatcher. It loads only the one that it needs. */
import { denoDirOf } from "./deno_dir.ts";
import type { ServiceControl } from "./service.ts";

/** Options of {@linkcode openServiceControl}. */
export interface ServiceOptions {
  /** Whether it is the service of this user, and not of the system. Windows has none. */
  readonly isUser: boolean;
  readonly os: typeof Deno.build.os;
  /** Of this process. */
  readonly env: Readonly<Record<string, string>>;
  /** Calls back on these signals until the returned function is called. */
  readonly onSignal: (names: readonly Deno.Signal[], handle: (name: Deno.Signal) => void) => () => void;
}

/** The service control of a system. @throws {Error} where portd knows none. */
export async function openServiceControl(options: ServiceOptions): Promise<ServiceControl> {
  const { isUser, os, env, onSignal } = options;
  if (os === "windows") {
    if (isUser) throw new Error("Cannot open the service of a user: Windows has none");
    const { WindowsServiceControl }: typeof import("./windows/service_control.ts") = await load(os);
    return new WindowsServiceControl();
  }
  const uid = Deno.uid()!;
  if (os === "darwin") {
    const { definitionFolder, Launchd }: typeof import("./darwin/launchd.ts") = await load(os);
    const scope = isUser ? "user" : "system";
    return new Launchd({ scope, uid, folder: definitionFolder(scope, env), denoDir: denoDirOf(os, env), onSignal });
  }
  if (os !== "linux") {
    throw new Error(`Cannot be a service on ${os}: portd knows only the services of Linux, macOS and Windows`);
  }
  const { SystemdControl }: typeof import("./linux/systemd.ts") = await load(os);
  return new SystemdControl({ isUser, uid, env, unsetEnv: (name) => Deno.env.delete(name), onSignal });
}

/** main.ts says why the import chooses. */
function load(os: "linux" | "darwin" | "windows") {
  return import(
    os === "linux" ? "./linux/systemd.ts" : os === "darwin" ? "./darwin/launchd.ts" : "./windows/service_control.ts"
  );
}
