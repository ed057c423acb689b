/** portd's service in the database of the Service Control Manager. Manuals: CreateServiceW, QueryServiceConfigW. */
import { addressOf } from "../../os/pointer.ts";
import {
  type Advapi32Services,
  DELETE,
  SC_MANAGER_CONNECT,
  SC_MANAGER_CREATE_SERVICE,
  SC_STATUS_PROCESS_INFO,
  SERVICE_AUTO_START,
  SERVICE_CHANGE_CONFIG,
  SERVICE_CONFIG_DELAYED_AUTO_START_INFO,
  SERVICE_CONFIG_DESCRIPTION,
  SERVICE_CONFIG_FAILURE_ACTIONS,
  SERVICE_CONFIG_FAILURE_ACTIONS_FLAG,
  SERVICE_CONTROL_STOP,
  SERVICE_ERROR_NORMAL,
  SERVICE_QUERY_CONFIG,
  SERVICE_QUERY_STATUS,
  SERVICE_START,
  SERVICE_STOP,
  SERVICE_WIN32_OWN_PROCESS,
} from "../../os/windows/advapi32.ts";
import type { Kernel32 } from "../../os/windows/kernel32.ts";
import { wideBytes, wideText } from "../../os/windows/wide_text.ts";
import {
  ERROR_ACCESS_DENIED,
  ERROR_INVALID_LEVEL,
  ERROR_SERVICE_ALREADY_RUNNING,
  ERROR_SERVICE_CANNOT_ACCEPT_CTRL,
  ERROR_SERVICE_DOES_NOT_EXIST,
  ERROR_SERVICE_NOT_ACTIVE,
  type WindowsError,
} from "../../os/windows/win32_error.ts";
import { SERVICE_NAME } from "../service.ts";
import { serviceError } from "./failure.ts";
import {
  parseConfig,
  parseDescription,
  parseRecovery,
  parseStatus,
  type Recovery,
  recoverySize,
  type ServiceConfig,
  type ServiceProcess,
  STATUS_PROCESS_NUMBERS,
  writeRecovery,
} from "./structures.ts";

/** Settings of a service. Not every Windows knows all of them. */
export interface ServiceSettings {
  readonly description: string;
  /** Whether it starts a little after the machine, when the programs that a user waits for have started. */
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

/** The database's part that is about portd. Every method throws {@linkcode WindowsError}. */
export interface Services {
  /** Whether this process may make services. */
  mayChange(): boolean;
  /** `undefined` where it is not installed. */
  read(): InstalledService | undefined;
  /** The names of the settings that this Windows knows. */
  known(): ReadonlySet<keyof ServiceSettings>;
  create(commandLine: string): void;
  /** Changes the command line, and sets again what else `create` has set. */
  change(commandLine: string): void;
  set(settings: Partial<ServiceSettings>): void;
  /** `undefined` where it is not installed. */
  status(): ServiceProcess | undefined;
  /** Has Windows start it, and does not wait until it is ready. Does nothing when it runs. */
  start(): void;
  /** Asks it to stop. @returns false when it has just been started and takes no control yet. */
  stop(): boolean;
  /** Removes it. Windows does so when the last program has closed it. */
  delete(): void;
}

/** What a service is made with. */
export const ACCOUNT = "LocalSystem", DISPLAY_NAME = "portd";
const LEVELS: Readonly<Record<keyof ServiceSettings, number>> = {
  description: SERVICE_CONFIG_DESCRIPTION,
  isDelayed: SERVICE_CONFIG_DELAYED_AUTO_START_INFO,
  recovery: SERVICE_CONFIG_FAILURE_ACTIONS,
  recoversFromExitCode: SERVICE_CONFIG_FAILURE_ACTIONS_FLAG,
};
/** A service that every Windows has: asking about it shows which settings this Windows knows. */
const EVERYWHERE = "RpcSs";
/** Bytes. The manuals say that no configuration is larger. */
const LARGEST_CONFIG = 8192;

/** The database of this machine. */
export class WindowsServices implements Services {
  readonly #advapi32: Advapi32Services;
  readonly #kernel32: Pick<Kernel32, "GetLastError">;

  constructor(advapi32: Advapi32Services, kernel32: Pick<Kernel32, "GetLastError">) {
    this.#advapi32 = advapi32;
    this.#kernel32 = kernel32;
  }

  mayChange(): boolean {
    const manager = this.#advapi32.OpenSCManagerW(null, null, SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE);
    if (manager !== null) return this.#advapi32.CloseServiceHandle(manager) !== 0;
    const error = this.#kernel32.GetLastError();
    if (error === ERROR_ACCESS_DENIED) return false;
    throw serviceError("open the list of services", error);
  }

  read(): InstalledService | undefined {
    using service = this.#open(SERVICE_QUERY_CONFIG);
    if (service === undefined) return undefined;
    const bytes = new Uint8Array(LARGEST_CONFIG), base = addressOf(bytes), needed = new Uint32Array(1);
    const answer = this.#advapi32.QueryServiceConfigW(service.handle, bytes, bytes.length, needed);
    if (answer === 0) throw this.#failure("read the service");
    const query = <Value>(setting: keyof ServiceSettings, parse: (bytes: Uint8Array, base: bigint) => Value) => {
      const found = this.#query(service.handle, setting);
      return found === undefined ? {} : { [setting]: parse(found.bytes, found.base) };
    };
    const settings = {
      ...query("description", parseDescription),
      ...query("isDelayed", parseFlag),
      ...query("recovery", parseRecovery),
      ...query("recoversFromExitCode", parseFlag),
    };
    return { ...parseConfig(bytes, base), settings };
  }

  known(): ReadonlySet<keyof ServiceSettings> {
    const names = Object.keys(LEVELS) as (keyof ServiceSettings)[];
    using service = this.#open(SERVICE_QUERY_CONFIG, EVERYWHERE);
    if (service === undefined) return new Set(names);
    return new Set(names.filter((name) => this.#query(service.handle, name) !== undefined));
  }

  create(commandLine: string): void {
    using manager = this.#openManager(SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE);
    const handle = this.#advapi32.CreateServiceW(
      manager.handle,
      wideText(SERVICE_NAME),
      wideText(DISPLAY_NAME),
      SERVICE_QUERY_CONFIG,
      SERVICE_WIN32_OWN_PROCESS,
      SERVICE_AUTO_START,
      SERVICE_ERROR_NORMAL,
      wideText(commandLine),
      null,
      null,
      null,
      wideText(ACCOUNT),
      null,
    );
    if (handle === null) throw this.#failure("make the service");
    this.#advapi32.CloseServiceHandle(handle);
  }

  change(commandLine: string): void {
    using service = this.#openInstalled(SERVICE_CHANGE_CONFIG);
    const answer = this.#advapi32.ChangeServiceConfigW(
      service.handle,
      SERVICE_WIN32_OWN_PROCESS,
      SERVICE_AUTO_START,
      SERVICE_ERROR_NORMAL,
      wideText(commandLine),
      null,
      null,
      null,
      wideText(ACCOUNT),
      null,
      wideText(DISPLAY_NAME),
    );
    if (answer === 0) throw this.#failure("change the service");
  }

  set({ description, isDelayed, recovery, recoversFromExitCode }: Partial<ServiceSettings>): void {
    // To set a restart as an action takes the right to start the service.
    using service = this.#openInstalled(SERVICE_CHANGE_CONFIG | SERVICE_START);
    const change = (setting: keyof ServiceSettings, bytes: Uint8Array<ArrayBuffer>) => {
      const answer = this.#advapi32.ChangeServiceConfig2W(service.handle, LEVELS[setting], bytes);
      if (answer === 0) throw this.#failure("change the service");
    };
    if (description !== undefined) {
      const text = wideBytes(description);
      change("description", new Uint8Array(new BigUint64Array([addressOf(text)]).buffer));
    }
    if (isDelayed !== undefined) change("isDelayed", flagBytes(isDelayed));
    if (recovery !== undefined) {
      const bytes = new Uint8Array(recoverySize(recovery));
      writeRecovery(bytes, addressOf(bytes), recovery);
      change("recovery", bytes);
    }
    if (recoversFromExitCode !== undefined) change("recoversFromExitCode", flagBytes(recoversFromExitCode));
  }

  status(): ServiceProcess | undefined {
    using service = this.#open(SERVICE_QUERY_STATUS);
    if (service === undefined) return undefined;
    const numbers = new Uint32Array(STATUS_PROCESS_NUMBERS), needed = new Uint32Array(1);
    const { QueryServiceStatusEx } = this.#advapi32;
    const answer = QueryServiceStatusEx(service.handle, SC_STATUS_PROCESS_INFO, numbers, numbers.byteLength, needed);
    if (answer === 0) throw this.#failure("ask the state of the service");
    return parseStatus(numbers);
  }

  start(): void {
    using service = this.#openInstalled(SERVICE_START);
    if (this.#advapi32.StartServiceW(service.handle, 0, null) !== 0) return;
    const error = this.#kernel32.GetLastError();
    if (error !== ERROR_SERVICE_ALREADY_RUNNING) throw serviceError("start the service", error);
  }

  stop(): boolean {
    using service = this.#openInstalled(SERVICE_STOP);
    const status = new Uint32Array(STATUS_PROCESS_NUMBERS);
    if (this.#advapi32.ControlService(service.handle, SERVICE_CONTROL_STOP, status) !== 0) return true;
    const error = this.#kernel32.GetLastError();
    if (error === ERROR_SERVICE_CANNOT_ACCEPT_CTRL) return false;
    if (error !== ERROR_SERVICE_NOT_ACTIVE) throw serviceError("stop the service", error);
    return true;
  }

  delete(): void {
    using service = this.#openInstalled(DELETE);
    if (this.#advapi32.DeleteService(service.handle) === 0) throw this.#failure("remove the service");
  }

  /** A setting; `undefined` where this Windows does not know it. */
  #query(service: Deno.PointerValue, setting: keyof ServiceSettings) {
    const bytes = new Uint8Array(LARGEST_CONFIG), base = addressOf(bytes), needed = new Uint32Array(1);
    const { QueryServiceConfig2W } = this.#advapi32;
    if (QueryServiceConfig2W(service, LEVELS[setting], bytes, bytes.length, needed) !== 0) return { bytes, base };
    const error = this.#kernel32.GetLastError();
    if (error !== ERROR_INVALID_LEVEL) throw serviceError("read the service", error);
    return undefined;
  }

  #openInstalled(access: number): OpenedHandle {
    const service = this.#open(access);
    if (service === undefined) throw serviceError("open the service", ERROR_SERVICE_DOES_NOT_EXIST);
    return service;
  }

  #open(access: number, name = SERVICE_NAME): OpenedHandle | undefined {
    using manager = this.#openManager(SC_MANAGER_CONNECT);
    const handle = this.#advapi32.OpenServiceW(manager.handle, wideText(name), access);
    if (handle !== null) return new OpenedHandle(this.#advapi32, handle);
    const error = this.#kernel32.GetLastError();
    if (error === ERROR_SERVICE_DOES_NOT_EXIST) return undefined;
    throw serviceError("open the service", error);
  }

  #openManager(access: number): OpenedHandle {
    const handle = this.#advapi32.OpenSCManagerW(null, null, access);
    if (handle === null) throw this.#failure("open the list of services");
    return new OpenedHandle(this.#advapi32, handle);
  }

  /** The failure of the call just made. */
  #failure(intent: string): WindowsError {
    return serviceError(intent, this.#kernel32.GetLastError());
  }
}

/** A handle of the Service Control Manager; disposing of it closes it. */
class OpenedHandle implements Disposable {
  readonly handle: Deno.PointerValue;
  readonly #advapi32: Advapi32Services;

  constructor(advapi32: Advapi32Services, handle: Deno.PointerValue) {
    this.#advapi32 = advapi32;
    this.handle = handle;
  }

  [Symbol.dispose](): void {
    this.#advapi32.CloseServiceHandle(this.handle);
  }
}

function parseFlag(bytes: Uint8Array): boolean {
  return bytes[0] !== 0;
}

function flagBytes(flag: boolean): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new Int32Array([flag ? 1 : 0]).buffer);
}
