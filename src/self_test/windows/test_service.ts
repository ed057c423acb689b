/** A service of the self-test in the database of the Service Control Manager. Manual: CreateServiceW. */
import { addressOf } from "../../os/pointer.ts";
import * as winsvc from "../../os/windows/advapi32.ts";
import { wideText } from "../../os/windows/wide_text.ts";
import type { Kernel32 } from "../../os/windows/kernel32.ts";
import {
  parseConfig,
  parseStatus,
  type ServiceProcess,
  STATUS_PROCESS_NUMBERS,
} from "../../service/windows/structures.ts";
import { retryUntil } from "../../wait.ts";
import { PREFIX } from "../artefact.ts";
import { PART_FLAG } from "../child.ts";

/** Only started by us, never with the machine; winsvc.h. */
const SERVICE_DEMAND_START = 3;
const SERVICE_CONTROL_PARAMCHANGE = 6;
const LARGEST_CONFIG = 8192;
const LIMIT_MS = 60_000, PAUSES = { pauseMs: 10, longestPauseMs: 100 };

/** What it calls. */
export interface TestServiceParts {
  readonly services: winsvc.Advapi32Services;
  readonly kernel32: Pick<Kernel32, "GetLastError">;
}

/** The service of one run. */
export class TestService {
  readonly name: string;
  readonly #parts: TestServiceParts;

  constructor(tag: string, parts: TestServiceParts) {
    this.name = `${PREFIX}${tag}`;
    this.#parts = parts;
  }

  create(commandLine: string): void {
    using manager = this.#manager(winsvc.SC_MANAGER_CONNECT | winsvc.SC_MANAGER_CREATE_SERVICE);
    const name = wideText(this.name), kind = winsvc.SERVICE_WIN32_OWN_PROCESS;
    const handle = this.#parts.services.CreateServiceW(
      manager.handle,
      name,
      name,
      winsvc.SERVICE_QUERY_CONFIG,
      kind,
      SERVICE_DEMAND_START,
      winsvc.SERVICE_ERROR_NORMAL,
      wideText(commandLine),
      null,
      null,
      null,
      wideText("LocalSystem"),
      null,
    );
    if (handle === null) throw this.#error("make");
    this.#parts.services.CloseServiceHandle(handle);
  }

  start(): void {
    using service = this.#open(winsvc.SERVICE_START);
    if (this.#parts.services.StartServiceW(service!.handle, 0, null) === 0) throw this.#error("start");
  }

  status(): ServiceProcess {
    using service = this.#open(winsvc.SERVICE_QUERY_STATUS);
    const numbers = new Uint32Array(STATUS_PROCESS_NUMBERS), needed = new Uint32Array(1);
    const { QueryServiceStatusEx } = this.#parts.services, { SC_STATUS_PROCESS_INFO } = winsvc;
    const answer = QueryServiceStatusEx(service!.handle, SC_STATUS_PROCESS_INFO, numbers, numbers.byteLength, needed);
    if (answer === 0) throw this.#error("ask");
    return parseStatus(numbers);
  }

  /** Waits for a state, through another one. @returns false when a third state came, or none in time. */
  async reaches(state: number, passing: number): Promise<boolean> {
    const outcome = await retryUntil(() => {
      const { state: now } = this.status();
      return now === state ? "reached" : now !== passing && "other";
    }, { ...PAUSES, limitMs: LIMIT_MS });
    return outcome === "reached";
  }

  /** Sends PARAMCHANGE. @returns the error number; 0 where it is taken. */
  notifyOfChange(): number {
    using service = this.#open(winsvc.SERVICE_PAUSE_CONTINUE);
    return this.#control(service!.handle, SERVICE_CONTROL_PARAMCHANGE);
  }

  /** Asks it to stop. @returns the error number. */
  stop(): number {
    using service = this.#open(winsvc.SERVICE_STOP);
    return this.#control(service!.handle, winsvc.SERVICE_CONTROL_STOP);
  }

  /** Whether there is a service of this name. */
  exists(): boolean {
    using service = this.#open(winsvc.SERVICE_QUERY_STATUS, { mayLack: true });
    return service !== undefined;
  }

  /** Stops and removes the service, if it is there and of a self-test, and waits until it is gone. */
  async remove(): Promise<void> {
    if (!this.exists()) return;
    this.#requireOurs();
    if (this.status().state !== winsvc.SERVICE_STOPPED) {
      this.stop();
      const isStopped = () => this.status().state === winsvc.SERVICE_STOPPED;
      if (!await retryUntil(isStopped, { ...PAUSES, limitMs: LIMIT_MS })) throw new Error(`${this.name} does not stop`);
    }
    {
      using service = this.#open(winsvc.DELETE);
      if (this.#parts.services.DeleteService(service!.handle) === 0) throw this.#error("remove");
    }
    const isGone = await retryUntil(() => !this.exists(), { ...PAUSES, limitMs: LIMIT_MS });
    if (!isGone) throw new Error(`the service ${this.name} stays: another program has it open`);
  }

  /** @throws {Error} unless the service runs a part of the self-test. */
  #requireOurs(): void {
    using service = this.#open(winsvc.SERVICE_QUERY_CONFIG);
    const bytes = new Uint8Array(LARGEST_CONFIG), needed = new Uint32Array(1), base = addressOf(bytes);
    if (this.#parts.services.QueryServiceConfigW(service!.handle, bytes, bytes.length, needed) === 0) {
      throw this.#error("read");
    }
    const { commandLine } = parseConfig(bytes, base);
    if (!commandLine.includes(` ${PART_FLAG} `)) throw new Error(`the service ${this.name} is not of a self-test`);
  }

  #control(service: Deno.PointerValue, control: number): number {
    const status = new Uint32Array(STATUS_PROCESS_NUMBERS);
    const isTaken = this.#parts.services.ControlService(service, control, status) !== 0;
    return isTaken ? 0 : this.#parts.kernel32.GetLastError();
  }

  #open(access: number, { mayLack = false } = {}): Opened | undefined {
    using manager = this.#manager(winsvc.SC_MANAGER_CONNECT);
    const handle = this.#parts.services.OpenServiceW(manager.handle, wideText(this.name), access);
    if (handle !== null) return this.#opened(handle);
    if (mayLack) return undefined;
    throw this.#error("open");
  }

  #manager(access: number): Opened {
    const handle = this.#parts.services.OpenSCManagerW(null, null, access);
    if (handle === null) throw this.#error("list services for");
    return this.#opened(handle);
  }

  #opened(handle: Deno.PointerValue): Opened {
    return { handle, [Symbol.dispose]: () => void this.#parts.services.CloseServiceHandle(handle) };
  }

  #error(verb: string): Error {
    return new Error(`Cannot ${verb} the service ${this.name}: Windows error ${this.#parts.kernel32.GetLastError()}`);
  }
}

/** A handle; disposing of it closes it. */
interface Opened extends Disposable {
  readonly handle: Deno.PointerValue;
}
