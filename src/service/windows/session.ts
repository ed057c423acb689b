/**
 * The states that a service reports to the Service Control Manager, with check points, and its answers to controls.
 * Manuals: SERVICE_STATUS, HandlerEx. This file calls nothing of Windows; scm.ts does.
 */
import {
  SERVICE_ACCEPT_PRESHUTDOWN,
  SERVICE_ACCEPT_SHUTDOWN,
  SERVICE_ACCEPT_STOP,
  SERVICE_CONTROL_INTERROGATE,
  SERVICE_CONTROL_PRESHUTDOWN,
  SERVICE_CONTROL_SHUTDOWN,
  SERVICE_CONTROL_STOP,
  SERVICE_RUNNING,
  SERVICE_START_PENDING,
  SERVICE_STOP_PENDING,
  SERVICE_STOPPED,
  SERVICE_WIN32_OWN_PROCESS,
} from "../../os/windows/advapi32.ts";
import { ERROR_CALL_NOT_IMPLEMENTED, ERROR_SERVICE_SPECIFIC_ERROR, NO_ERROR } from "../../os/windows/win32_error.ts";
import type { ServiceRun } from "../service.ts";

/**
 * How long Windows waits for the next check point. They come every second, but work such as reading a large file of
 * leases may keep the event loop for longer.
 */
const WAIT_HINT_MS = 10_000;
/**
 * When Windows shuts down, services that accept PRESHUTDOWN hear of it first and have more time. One that has stopped
 * gets no further control.
 */
const ACCEPTED = SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN | SERVICE_ACCEPT_PRESHUTDOWN;
const STOPPING = [SERVICE_CONTROL_STOP, SERVICE_CONTROL_SHUTDOWN, SERVICE_CONTROL_PRESHUTDOWN];

/** Options of {@linkcode ServiceSession}. */
export interface SessionOptions {
  /** Passes a `SERVICE_STATUS` to the Service Control Manager. */
  readonly report: (status: Uint32Array<ArrayBuffer>) => void;
  /**
   * Calls back in another turn of the event loop, after the control was answered: when a service reports its end before
   * it has answered, the Service Control Manager takes it for stuck.
   */
  readonly inNextTurn: (act: () => void) => void;
}

/** The service's side of the conversation with the Service Control Manager. */
export class ServiceSession implements ServiceRun {
  readonly #report: (status: Uint32Array<ArrayBuffer>) => void;
  readonly #inNextTurn: (act: () => void) => void;
  readonly #stopping = new AbortController();
  #state = SERVICE_START_PENDING;
  #checkPoint = 0;

  constructor({ report, inNextTurn }: SessionOptions) {
    this.#report = report;
    this.#inNextTurn = inNextTurn;
  }

  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  readonly ready = (): void => {
    if (this.#state !== SERVICE_START_PENDING) return; // it was asked to stop meanwhile
    this.#enter(SERVICE_RUNNING);
  };

  /** Reports that it starts. */
  begin(): void {
    this.#enter(SERVICE_START_PENDING);
  }

  /** To be called every second: reports that starting or stopping goes on. */
  tick(): void {
    if (this.#state === SERVICE_START_PENDING || this.#state === SERVICE_STOP_PENDING) this.#reportState();
  }

  /** Answers a control at once. @returns an error number of Windows. */
  control(code: number): number {
    if (STOPPING.includes(code)) {
      // It ended by itself a moment ago. It must stay stopped: Windows would wait for another end, and restart it.
      if (this.#state === SERVICE_STOPPED) return NO_ERROR;
      this.#enter(SERVICE_STOP_PENDING);
      this.#inNextTurn(() => this.#stopping.abort());
      return NO_ERROR;
    }
    return code === SERVICE_CONTROL_INTERROGATE ? NO_ERROR : ERROR_CALL_NOT_IMPLEMENTED;
  }

  /** Reports that it has ended. Windows starts it again unless the exit code is 0. */
  end(exitCode: number): void {
    this.#state = SERVICE_STOPPED;
    this.#reportState(exitCode);
  }

  #enter(state: number): void {
    if (state !== this.#state) this.#checkPoint = 0;
    this.#state = state;
    this.#reportState();
  }

  #reportState(exitCode = 0): void {
    const state = this.#state;
    const isPending = state === SERVICE_START_PENDING || state === SERVICE_STOP_PENDING;
    // It can be stopped while it starts, as a start may take long.
    const accepted = state === SERVICE_RUNNING || state === SERVICE_START_PENDING ? ACCEPTED : 0;
    this.#report(
      new Uint32Array([
        SERVICE_WIN32_OWN_PROCESS,
        state,
        accepted,
        exitCode === 0 ? NO_ERROR : ERROR_SERVICE_SPECIFIC_ERROR,
        exitCode,
        isPending ? ++this.#checkPoint : 0,
        isPending ? WAIT_HINT_MS : 0,
      ]),
    );
  }
}
