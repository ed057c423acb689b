/** portd's service in the database of the Service Control Manager. Manuals: CreateServiceW, QueryServiceConfigW. */
import { addressOf } from "../../os/pointer.ts";
import * as winsvc from "../../os/windows/advapi32.ts";
import { WindowsRegistry } from "../../os/windows/registry.ts";
import { isElevated, type TokenLibraries } from "../../os/windows/token.ts";
import { wideText } from "../../os/windows/wide_text.ts";
import * as winerror from "../../os/windows/win32_error.ts";
import { SERVICE_NAME } from "../service.ts";
import {
  descriptionBytes,
  flagBytes,
  parseConfig,
  parseDescription,
  parseFlag,
  parseRecovery,
  parseStatus,
  type Recovery,
  recoveryBytes,
  type ServiceConfig,
  type ServiceProcess,
  STATUS_PROCESS_NUMBERS,
} from "./structures.ts";

/** Settings of a service. Not every Windows knows all of them. */
export interface ServiceSettings {
  readonly description: string;
  /** Whether it starts some two minutes after the machine, when most other services have started. */
  readonly isDelayed: boolean;
  /** `undefined` where it does anything else than to start the service again. */
  readonly recovery: Recovery | undefined;
  /** Whether an exit code of the service counts as a failure, and not only the end of its process. */
  readonly recoversFromExitCode: boolean;
}

/** The installed service, with the settings that this Windows knows. */
export interface InstalledService extends ServiceConfig {
  readonly settings: Partial<ServiceSettings>;
}

/** The database's part that is about portd. */
export type Services = Pick<WindowsServices, keyof WindowsServices>;

/** What a service is made with. */
export const ACCOUNT = "LocalSystem", DISPLAY_NAME = "portd";
/** Where Windows has each setting, and in which form. */
const SETTINGS = {
  description: { level: winsvc.SERVICE_CONFIG_DESCRIPTION, parse: parseDescription, encode: descriptionBytes },
  isDelayed: { level: winsvc.SERVICE_CONFIG_DELAYED_AUTO_START_INFO, parse: parseFlag, encode: flagBytes },
  recovery: { level: winsvc.SERVICE_CONFIG_FAILURE_ACTIONS, parse: parseRecovery, encode: recoveryBytes },
  recoversFromExitCode: { level: winsvc.SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, parse: parseFlag, encode: flagBytes },
};
const SETTING_NAMES = Object.keys(SETTINGS) as (keyof ServiceSettings)[];
/** A service that every Windows has: asking about it shows which settings this Windows knows. */
const EVERYWHERE = "RpcSs";
/** Bytes. The manuals say that no configuration is larger. */
const LARGEST_CONFIG = 8192;

/** What error numbers mean to somebody who changes a service. */
const REASONS: Readonly<Record<number, string>> = {
  [winerror.ERROR_FILE_NOT_FOUND]: "its program is not there any more; install it again",
  [winerror.ERROR_PROCESS_ABORTED]: "its process ended unexpectedly",
  [winerror.ERROR_SERVICE_DISABLED]: "it is disabled",
  [winerror.ERROR_SERVICE_DOES_NOT_EXIST]: "there is no such service",
  [winerror.ERROR_SERVICE_EXISTS]: "another program has made it meanwhile",
  [winerror.ERROR_SERVICE_MARKED_FOR_DELETE]:
    "it is being removed, which waits for a program that has it open, such as services.msc or the Task Manager",
  [winerror.ERROR_SERVICE_REQUEST_TIMEOUT]: "its program ended before it was ready, or did not answer in time",
};

/** A handle of the Service Control Manager; disposing of it closes it. */
interface OpenedHandle extends Disposable {
  readonly handle: Deno.PointerValue;
}

/** Where the registry has the services, under HKEY_LOCAL_MACHINE. */
const SERVICES_KEY = "SYSTEM\\CurrentControlSet\\Services";

/**
 * The database of this machine. Every method throws {@linkcode WindowsError}. GetLastError may be about a call of the
 * runtime in between: it is said in errors, and decides only that a service is gone whose key is still there.
 */
export class WindowsServices {
  readonly #advapi32: winsvc.Advapi32Services;
  readonly #libraries: TokenLibraries;
  readonly #registry: WindowsRegistry;

  constructor(advapi32: winsvc.Advapi32Services, libraries: TokenLibraries) {
    this.#advapi32 = advapi32;
    this.#libraries = libraries;
    this.#registry = new WindowsRegistry(libraries.advapi32);
  }

  /** Whether this process may make services. */
  mayChange(): boolean {
    const manager = this.#advapi32.OpenSCManagerW(
      null,
      null,
      winsvc.SC_MANAGER_CONNECT | winsvc.SC_MANAGER_CREATE_SERVICE,
    );
    if (manager !== null) return this.#advapi32.CloseServiceHandle(manager) !== 0;
    const error = this.#lastError();
    if (isElevated(this.#libraries) !== true) return false;
    throw serviceError("open the list of services", error);
  }

  /** `undefined` where it is not installed. */
  read(): InstalledService | undefined {
    using service = this.#open(winsvc.SERVICE_QUERY_CONFIG);
    if (service === undefined) return undefined;
    const bytes = new Uint8Array(LARGEST_CONFIG), base = addressOf(bytes), needed = new Uint32Array(1);
    const answer = this.#advapi32.QueryServiceConfigW(service.handle, bytes, bytes.length, needed);
    this.#check("read the service", answer);
    const settings = SETTING_NAMES.flatMap((name) => {
      const found = this.#query(service.handle, name);
      return found === undefined ? [] : [[name, SETTINGS[name].parse(found.bytes, found.base)]];
    });
    return { ...parseConfig(bytes, base), settings: Object.fromEntries(settings) };
  }

  /** The names of the settings that this Windows knows. */
  known(): ReadonlySet<keyof ServiceSettings> {
    using service = this.#open(winsvc.SERVICE_QUERY_CONFIG, EVERYWHERE);
    if (service === undefined) return new Set(SETTING_NAMES);
    return new Set(SETTING_NAMES.filter((name) => this.#query(service.handle, name) !== undefined));
  }

  create(commandLine: string): void {
    using manager = this.#openManager(winsvc.SC_MANAGER_CONNECT | winsvc.SC_MANAGER_CREATE_SERVICE);
    const [name, displayName] = [wideText(SERVICE_NAME), wideText(DISPLAY_NAME)];
    const configuration = configurationOf(commandLine), { CreateServiceW } = this.#advapi32;
    const handle = CreateServiceW(manager.handle, name, displayName, winsvc.SERVICE_QUERY_CONFIG, ...configuration);
    this.#check("make the service", handle);
    this.#advapi32.CloseServiceHandle(handle);
  }

  /** Changes the command line, and sets again what else `create` has set. */
  change(commandLine: string): void {
    using service = this.#openInstalled(winsvc.SERVICE_CHANGE_CONFIG);
    const configuration = configurationOf(commandLine), displayName = wideText(DISPLAY_NAME);
    const answer = this.#advapi32.ChangeServiceConfigW(service.handle, ...configuration, displayName);
    this.#check("change the service", answer);
  }

  set(settings: Partial<ServiceSettings>): void {
    // To set a restart as an action takes the right to start the service.
    using service = this.#openInstalled(winsvc.SERVICE_CHANGE_CONFIG | winsvc.SERVICE_START);
    for (const name of SETTING_NAMES) {
      const value = settings[name], { level, encode } = SETTINGS[name];
      if (value === undefined) continue;
      const answer = this.#advapi32.ChangeServiceConfig2W(service.handle, level, encode(value as never));
      this.#check("change the service", answer);
    }
  }

  /** `undefined` where it is not installed. */
  status(): ServiceProcess | undefined {
    using service = this.#open(winsvc.SERVICE_QUERY_STATUS);
    return service && this.#statusOf(service);
  }

  /** Has Windows start it, and does not wait until it is ready. Does nothing when it runs. */
  start(): void {
    using service = this.#openInstalled(winsvc.SERVICE_START | winsvc.SERVICE_QUERY_STATUS);
    if (this.#advapi32.StartServiceW(service.handle, 0, null) !== 0) return;
    const error = this.#lastError();
    if (this.#statusOf(service).state === winsvc.SERVICE_STOPPED) throw serviceError("start the service", error);
  }

  /** Asks it to stop. @returns false when it has just been started and takes no control yet. */
  stop(): boolean {
    using service = this.#openInstalled(winsvc.SERVICE_STOP | winsvc.SERVICE_QUERY_STATUS);
    const { state: before } = this.#statusOf(service), status = new Uint32Array(STATUS_PROCESS_NUMBERS);
    if (this.#advapi32.ControlService(service.handle, winsvc.SERVICE_CONTROL_STOP, status) !== 0) return true;
    const error = this.#lastError(), { state } = this.#statusOf(service);
    if (state === winsvc.SERVICE_STOPPED || state === winsvc.SERVICE_STOP_PENDING) return true;
    if (before === winsvc.SERVICE_START_PENDING || state === winsvc.SERVICE_START_PENDING) return false;
    throw serviceError("stop the service", error);
  }

  /** Removes it. Windows does so when the last program has closed it. */
  delete(): void {
    using service = this.#openInstalled(winsvc.DELETE);
    this.#check("remove the service", this.#advapi32.DeleteService(service.handle));
  }

  /** A setting; `undefined` where this Windows does not know it. */
  #query(service: Deno.PointerValue, setting: keyof ServiceSettings) {
    const bytes = new Uint8Array(LARGEST_CONFIG), base = addressOf(bytes), needed = new Uint32Array(1);
    const { level } = SETTINGS[setting], { QueryServiceConfig2W } = this.#advapi32;
    const answer = QueryServiceConfig2W(service, level, bytes, bytes.length, needed);
    if (answer !== 0) return { bytes, base };
    // The buffer is as large as any setting can be, and the handle has the right: the level is what it does not know.
    if (needed[0]! > bytes.length) throw serviceError("read the service", winerror.ERROR_INSUFFICIENT_BUFFER);
    return undefined;
  }

  #statusOf({ handle }: OpenedHandle): ServiceProcess {
    const numbers = new Uint32Array(STATUS_PROCESS_NUMBERS), needed = new Uint32Array(1);
    const { QueryServiceStatusEx } = this.#advapi32;
    const answer = QueryServiceStatusEx(handle, winsvc.SC_STATUS_PROCESS_INFO, numbers, numbers.byteLength, needed);
    this.#check("ask the state of the service", answer);
    return parseStatus(numbers);
  }

  #openInstalled(access: number): OpenedHandle {
    const service = this.#open(access);
    if (service === undefined) throw serviceError("open the service", winerror.ERROR_SERVICE_DOES_NOT_EXIST);
    return service;
  }

  #open(access: number, name = SERVICE_NAME): OpenedHandle | undefined {
    using manager = this.#openManager(winsvc.SC_MANAGER_CONNECT);
    const handle = this.#advapi32.OpenServiceW(manager.handle, wideText(name), access);
    if (handle !== null) return this.#opened(handle);
    const error = this.#lastError();
    const isThere = this.#registry.exists(`${SERVICES_KEY}\\${name}`);
    // A service that was just removed may leave its key for a moment.
    if (!isThere || error === winerror.ERROR_SERVICE_DOES_NOT_EXIST) return undefined;
    throw serviceError("open the service", error);
  }

  #openManager(access: number): OpenedHandle {
    const handle = this.#advapi32.OpenSCManagerW(null, null, access);
    this.#check("open the list of services", handle);
    return this.#opened(handle);
  }

  #opened(handle: Deno.PointerValue): OpenedHandle {
    return { handle, [Symbol.dispose]: () => void this.#advapi32.CloseServiceHandle(handle) };
  }

  /** @throws {WindowsError} when the call just made has failed. */
  #check(intent: string, answer: number | Deno.PointerValue): void {
    if (answer === 0 || answer === null) throw serviceError(intent, this.#lastError());
  }

  /** To be called right after a call that has failed. */
  #lastError(): number {
    return this.#libraries.kernel32.GetLastError();
  }
}

/** What CreateServiceW and ChangeServiceConfigW have in common: from the type of the service to its password. */
function configurationOf(commandLine: string) {
  const kind = [winsvc.SERVICE_WIN32_OWN_PROCESS, winsvc.SERVICE_AUTO_START, winsvc.SERVICE_ERROR_NORMAL] as const;
  return [...kind, wideText(commandLine), null, null, null, wideText(ACCOUNT), null] as const;
}

function serviceError(intent: string, number: number): winerror.WindowsError {
  return new winerror.WindowsError(intent, number, REASONS[number]);
}
