/**
 * The states that a service reports to the Service Control Manager, with check points, and its answers to controls.
 * Manuals: SERVICE_STATUS, HandlerEx. This file calls nothing of Windows; scm.ts does.
 */
import * as winsvc from "../../os/windows/advapi32.ts";
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
const ACCEPTED = winsvc.SERVICE_ACCEPT_STOP | winsvc.SERVICE_ACCEPT_SHUTDOWN | winsvc.SERVICE_ACCEPT_PRESHUTDOWN;
const STOPPING = [winsvc.SERVICE_CONTROL_STOP, winsvc.SERVICE_CONTROL_SHUTDOWN, winsvc.SERVICE_CONTROL_PRESHUTDOWN];

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
  readonly #options: SessionOptions;
  readonly #stopping = new AbortController();
  readonly signal: AbortSignal = this.#stopping.signal;
  #state = winsvc.SERVICE_START_PENDING;
  #checkPoint = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  readonly ready = (): void => {
    if (this.#state !== winsvc.SERVICE_START_PENDING) return; // it was asked to stop meanwhile
    this.#enter(winsvc.SERVICE_RUNNING);
  };

  /** Reports that it starts. */
  begin(): void {
    this.#enter(winsvc.SERVICE_START_PENDING);
  }

  /** To be called every second: reports that starting or stopping goes on. */
  tick(): void {
    if (this.#isPending) this.#reportState();
  }

  /** Answers a control at once. @returns an error number of Windows. */
  control(code: number): number {
    if (!STOPPING.includes(code)) {
      return code === winsvc.SERVICE_CONTROL_INTERROGATE ? NO_ERROR : ERROR_CALL_NOT_IMPLEMENTED;
    }
    // It ended by itself a moment ago. It must stay stopped: Windows would wait for another end, and restart it.
    if (this.#state === winsvc.SERVICE_STOPPED) return NO_ERROR;
    this.#enter(winsvc.SERVICE_STOP_PENDING);
    this.#options.inNextTurn(() => this.#stopping.abort());
    return NO_ERROR;
  }

  /** Reports that it has ended. Windows starts it again unless the exit code is 0. */
  end(exitCode: number): void {
    this.#state = winsvc.SERVICE_STOPPED;
    this.#reportState(exitCode);
  }

  #enter(state: number): void {
    if (state !== this.#state) this.#checkPoint = 0;
    this.#state = state;
    this.#reportState();
  }

  get #isPending(): boolean {
    return this.#state === winsvc.SERVICE_START_PENDING || this.#state === winsvc.SERVICE_STOP_PENDING;
  }

  #reportState(exitCode = 0): void {
    const state = this.#state;
    // It can be stopped while it starts, as a start may take long.
    const accepted = state === winsvc.SERVICE_RUNNING || state === winsvc.SERVICE_START_PENDING ? ACCEPTED : 0;
    const error = exitCode === 0 ? NO_ERROR : ERROR_SERVICE_SPECIFIC_ERROR;
    const [checkPoint, waitHintMs] = this.#isPending ? [++this.#checkPoint, WAIT_HINT_MS] : [0, 0];
    const status = [winsvc.SERVICE_WIN32_OWN_PROCESS, state, accepted, error, exitCode, checkPoint, waitHintMs];
    this.#options.report(new Uint32Array(status));
  }
}
