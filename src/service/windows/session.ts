/**
 * What a service says of itself to the Service Control Manager, and what it answers: states with check points, and
 * controls. Manuals: SERVICE_STATUS, HandlerEx. Nothing is called here; scm.ts does that.
 */
import {
  SERVICE_ACCEPT_PARAMCHANGE,
  SERVICE_ACCEPT_PRESHUTDOWN,
  SERVICE_ACCEPT_SHUTDOWN,
  SERVICE_ACCEPT_STOP,
  SERVICE_CONTROL_INTERROGATE,
  SERVICE_CONTROL_PARAMCHANGE,
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
 * So long Windows waits for the next check point. They come every second; what keeps the event loop for longer, as
 * reading a large file of leases may, is no reason to give the service up.
 */
const WAIT_HINT_MS = 10_000;
/**
 * When Windows shuts down, it tells those first that said they want to know before the others, and gives them more
 * time. One that has stopped is not told again.
 */
const ACCEPTED = SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_PARAMCHANGE | SERVICE_ACCEPT_SHUTDOWN |
  SERVICE_ACCEPT_PRESHUTDOWN;
const STOPPING = [SERVICE_CONTROL_STOP, SERVICE_CONTROL_SHUTDOWN, SERVICE_CONTROL_PRESHUTDOWN];

/** Options of {@linkcode ServiceSession}. */
export interface SessionOptions {
  /** Is given a `SERVICE_STATUS` that the Service Control Manager is to have. */
  readonly report: (status: Uint32Array<ArrayBuffer>) => void;
  /**
   * Calls back in another turn of the event loop, when the answer to a control has been given: the Service Control
   * Manager takes a service for stuck that says that it has stopped before it has answered.
   */
  readonly later: (act: () => void) => void;
}

/** The service's side of the talk with the Service Control Manager. */
export class ServiceSession implements ServiceRun {
  readonly #report: (status: Uint32Array<ArrayBuffer>) => void;
  readonly #later: (act: () => void) => void;
  readonly #stopping = new AbortController();
  #state = SERVICE_START_PENDING;
  #checkPoint = 0;
  #reload: (() => void) | undefined;

  constructor({ report, later }: SessionOptions) {
    this.#report = report;
    this.#later = later;
  }

  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  readonly ready = (): void => {
    if (this.#state !== SERVICE_START_PENDING) return; // it runs already, or is to stop
    this.#enter(SERVICE_RUNNING);
  };

  readonly onReload = (reload: () => void): void => {
    this.#reload = reload;
  };

  /** Says that it starts. */
  begin(): void {
    this.#enter(SERVICE_START_PENDING);
  }

  /** To be called every second: says that starting or stopping goes on. */
  tick(): void {
    if (this.#state === SERVICE_START_PENDING || this.#state === SERVICE_STOP_PENDING) this.#tell();
  }

  /** Answers what the service is told, at once. @returns an error number of Windows. */
  control(code: number): number {
    if (STOPPING.includes(code)) {
      // Told in the moment in which it ended by itself: what has stopped stays so, or Windows would wait, and restart it.
      if (this.#state === SERVICE_STOPPED) return NO_ERROR;
      this.#enter(SERVICE_STOP_PENDING);
      this.#later(() => this.#stopping.abort());
      return NO_ERROR;
    }
    if (code === SERVICE_CONTROL_PARAMCHANGE) {
      if (this.#reload !== undefined) this.#later(this.#reload);
      return NO_ERROR;
    }
    return code === SERVICE_CONTROL_INTERROGATE ? NO_ERROR : ERROR_CALL_NOT_IMPLEMENTED;
  }

  /** Says that it has ended. Windows restarts what ended with another exit code than 0. */
  end(exitCode: number): void {
    this.#state = SERVICE_STOPPED;
    this.#tell(exitCode);
  }

  #enter(state: number): void {
    if (state !== this.#state) this.#checkPoint = 0;
    this.#state = state;
    this.#tell();
  }

  #tell(exitCode = 0): void {
    const state = this.#state;
    const isPending = state === SERVICE_START_PENDING || state === SERVICE_STOP_PENDING;
    // A stop that comes while it starts is heard too: a start may take long.
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
