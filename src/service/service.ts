/**
 * portd as a service of the operating system: started with the machine, started again when it fails. The three systems
 * are asked the same questions; linux/, darwin/ and windows/ know how.
 */

/** Name of the service on every system. */
export const SERVICE_NAME = "portd";

/** What a service control is opened with. */
export interface ServiceOptions {
  /** Whether it is the service of this user, and not of the system. Windows has none. */
  readonly isUser: boolean;
  readonly os: typeof Deno.build.os;
  /** Of this process. */
  readonly env: Readonly<Record<string, string>>;
  /** Calls back on these signals until the returned function is called. */
  readonly onSignal: (names: readonly Deno.Signal[], handle: (name: Deno.Signal) => void) => () => void;
}

/** What an installed service runs. */
export interface ServiceDefinition {
  /** The program and the leading words that start portd; absolute paths. More than one word: Deno runs portd's sources. */
  readonly self: readonly [string, ...string[]];
  /** Words behind `portd service run`: the state folder and settings. */
  readonly words: readonly string[];
  /** Absolute. */
  readonly stateDir: string;
  /** Ports that Windows keeps for portd, so that it gives them to nobody else. Empty on other systems. */
  readonly reserve: readonly { readonly first: number; readonly last: number }[];
}

/** One thing to do. A command is a list of them; `--dry-run` only prints the list. */
export interface Step {
  /** What it does, in the imperative: `write /etc/systemd/system/portd.service`. */
  readonly does: string;
  /** The text that it writes, where it writes one. */
  readonly text?: string;
  /** Does it. @throws {Error} with what the system said. */
  readonly run: () => Promise<void>;
}

/** `absent` is not installed; `failed` has ended by itself, with an error. */
export type ServiceState = "absent" | "stopped" | "starting" | "running" | "stopping" | "failed";

/** The service as the operating system describes it. */
export interface ServiceStatus {
  readonly state: ServiceState;
  /** Null while none runs. */
  readonly pid: number | null;
  /** How the last run ended, where the system knows: 0 is success. */
  readonly exitCode: number | null;
  /** Whether it starts with the machine, or with the user's session. */
  readonly startsAtBoot: boolean;
  /** The words of the installed command line; null when it is not installed. */
  readonly command: readonly string[] | null;
  /** Where it is defined: path of a unit or property list, key of the registry; null when it is not installed. */
  readonly definition: string | null;
  /** What the running service has as stdin, stdout and stderr; only on Windows, where it may have none. */
  readonly standardHandles?: readonly string[];
}

/** Where the service writes its log. */
export type ServiceLog =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "journal"; readonly command: readonly [string, ...string[]] };

/** The running service's connection to the operating system. */
export interface ServiceRun {
  /** Aborted when the service must stop. */
  readonly signal: AbortSignal;
  /** Reports to the system that requests are served. */
  readonly ready: () => void;
}

/** The service control of an operating system. Its methods change nothing; the steps that they return do. */
export interface ServiceControl {
  /**
   * Why this user may not change the service, and who may; `undefined` when this user may.
   *
   * @throws {Error} where nobody may: no service control runs.
   */
  refusal(): Promise<string | undefined>;
  /**
   * The steps that install the service, or replace an older version by this one: a running service is stopped before
   * and started after. None when exactly this is installed. On Windows a compiled program is copied to its place and
   * started once; when it does not start, the one before it is put back.
   *
   * @throws {Error} when another user may change what would run.
   */
  install(definition: ServiceDefinition): Promise<readonly Step[]>;
  /** The steps that remove all that `install` made, except the state folder; none when it is not installed. */
  uninstall(): Promise<readonly Step[]>;
  /** The steps that start the service; the last one ends when it is ready. @throws {Error} when it is not installed. */
  start(): Promise<readonly Step[]>;
  /** The steps that stop the service; the last one ends when it has ended. @throws {Error} when it is not installed. */
  stop(): Promise<readonly Step[]>;
  status(): Promise<ServiceStatus>;
  /** Where its log is. @param stateDir of the service. */
  log(stateDir: string): ServiceLog;
  /**
   * Runs `work` as the service, in the process that the system has started for it.
   *
   * @throws {Error} on Windows when the system has not started this process; what `work` throws, after it was reported
   * to the system.
   */
  run(work: (service: ServiceRun) => Promise<void>): Promise<void>;
}

/** A step that is done at once. */
export function immediateStep(does: string, act: () => void): Step {
  // deno-lint-ignore require-await -- what `act` throws is to reject
  return { does, run: async () => act() };
}

/** Does the steps one after the other. @param report is called with each before it is done. */
export async function runSteps(steps: readonly Step[], report: (step: Step) => void): Promise<void> {
  for (const step of steps) {
    report(step);
    await step.run();
  }
}

/** The value of a flag in the command line of a service: the last one, as that is the one that counts. */
export function flagValue(command: readonly string[] | null, flag: string): string | undefined {
  const at = command?.lastIndexOf(flag) ?? -1;
  return at === -1 ? undefined : command![at + 1];
}
