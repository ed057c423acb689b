/** A service that is kept in memory, and passes the same tests as the real ones. */
import {
  runSteps,
  type ServiceControl,
  type ServiceDefinition,
  type ServiceLog,
  type ServiceRun,
  type ServiceStatus,
  type Step,
} from "../../src/service/service.ts";

/** Runs the steps. @returns what they do. */
export async function done(steps: Promise<readonly Step[]>): Promise<string[]> {
  const texts: string[] = [];
  await runSteps(await steps, ({ does }) => void texts.push(does));
  return texts;
}

/** What the steps would do. */
export async function textsOf(steps: Promise<readonly Step[]>): Promise<string[]> {
  return (await steps).map(({ does }) => does);
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
}

/** A service control whose system is this object. */
export class FakeServiceControl implements ServiceControl {
  /** What is installed. */
  definition: ServiceDefinition | undefined;
  pid: number | null = null;
  exitCode: number | null = null;
  /** What {@linkcode ServiceControl.refusal} answers. */
  refused: string | undefined;
  /** Every step throws it while it is set. */
  failure: Error | undefined;
  /** What {@linkcode ServiceControl.log} answers instead of the file. */
  journal: ServiceLog | undefined;
  /** Called when the process that runs as the service is ready. */
  onReady: () => void = () => {};
  /** The process that runs as the service, and what ends it. */
  running: { readonly stop: () => void } | undefined;
  /** What was done, step by step. */
  readonly done: string[] = [];
  #runs = 0;

  refusal(): Promise<string | undefined> {
    return Promise.resolve(this.refused);
  }

  install(definition: ServiceDefinition): Promise<readonly Step[]> {
    if (JSON.stringify(this.definition) === JSON.stringify(definition)) return Promise.resolve([]);
    const text = [...definition.self, "service", "run", ...definition.words].join("\n");
    const write = this.#step("write /fake/portd", () => void (this.definition = definition), text);
    return Promise.resolve(this.pid === null ? [write] : [this.#stop(), write, this.#start()]);
  }

  uninstall(): Promise<readonly Step[]> {
    const remove = this.#step("remove /fake/portd", () => void (this.definition = undefined));
    return Promise.resolve([
      ...(this.pid === null ? [] : [this.#stop()]),
      ...(this.definition === undefined ? [] : [remove]),
    ]);
  }

  start(): Promise<readonly Step[]> {
    if (this.definition === undefined) {
      return Promise.reject(new Error("Cannot start the service: it is not installed"));
    }
    return Promise.resolve(this.pid === null ? [this.#start()] : []);
  }

  stop(): Promise<readonly Step[]> {
    if (this.definition === undefined) return Promise.reject(new Error("Cannot stop the service: it is not installed"));
    return Promise.resolve(this.pid === null ? [] : [this.#stop()]);
  }

  status(): Promise<ServiceStatus> {
    const { definition, pid, exitCode } = this;
    if (definition === undefined) {
      const nothing = { pid: null, exitCode: null, startsAtBoot: false, command: null, definition: null };
      return Promise.resolve({ state: "absent", ...nothing });
    }
    const command = [...definition.self, "service", "run", ...definition.words];
    const state = pid !== null ? "running" : exitCode ? "failed" : "stopped";
    return Promise.resolve({ state, pid, exitCode, startsAtBoot: true, command, definition: "/fake/portd" });
  }

  log(stateDir: string): ServiceLog {
    return this.journal ?? { kind: "file", path: `${stateDir}/daemon.log` };
  }

  async run(work: (service: ServiceRun) => Promise<void>): Promise<void> {
    const stopping = new AbortController();
    this.running = { stop: () => stopping.abort() };
    await work({ signal: stopping.signal, ready: () => this.onReady() });
  }

  #start(): Step {
    return this.#step("start portd", () => {
      this.pid = 100 + ++this.#runs;
      this.exitCode = null;
    });
  }

  #stop(): Step {
    return this.#step("stop portd", () => {
      this.pid = null;
      this.exitCode = 0;
    });
  }

  #step(does: string, change: () => void, text?: string): Step {
    const run = () => {
      if (this.failure !== undefined) return Promise.reject(this.failure);
      this.done.push(does);
      change();
      return Promise.resolve();
    };
    return { does, run, ...(text !== undefined && { text }) };
  }
}
