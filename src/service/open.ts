/** Whose service control it is: the dispatcher of the systems. Each is loaded only where it is the one. */
import type { ServiceControl } from "./service.ts";

/** Options of {@linkcode openServiceControl}. */
export interface ServiceOptions {
  /** Whether the service of this user is meant, in the place of the system's. Windows has none. */
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
    return new Launchd({ scope, uid, folder: definitionFolder(scope, env), denoDir: denoDirOf(env), onSignal });
  }
  if (os !== "linux") {
    throw new Error(`Cannot be a service on ${os}: portd knows only those of Linux, macOS and Windows`);
  }
  const { SystemdControl }: typeof import("./linux/systemd.ts") = await load(os);
  return new SystemdControl({ isUser, uid, env, unsetEnv: (name) => Deno.env.delete(name), onSignal });
}

/** See main.ts for why the import chooses. */
function load(os: "linux" | "darwin" | "windows") {
  return import(
    os === "linux" ? "./linux/systemd.ts" : os === "darwin" ? "./darwin/launchd.ts" : "./windows/service_control.ts"
  );
}

/** Where Deno keeps packages on macOS; a compiled portd has all that it needs in itself. */
function denoDirOf({ DENO_DIR, HOME }: Readonly<Record<string, string>>): string | undefined {
  if (Deno.build.standalone) return undefined;
  return DENO_DIR || (HOME ? `${HOME}/Library/Caches/deno` : undefined);
}
