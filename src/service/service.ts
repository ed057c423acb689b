/**
 * portd as a service of the operating system: started with the machine, started again when it fails. What can be asked
 * is the same on the three systems; linux/, darwin/ and windows/ know how each is asked.
 */

/** Name of the service on every system. */
export const SERVICE_NAME = "portd";

/** What a service that is installed runs. */
export interface ServiceDefinition {
  /** The program and the leading words that start portd; absolute paths. */
  readonly self: readonly [string, ...string[]];
  /** Words behind `portd service run`: the state folder and settings. */
  readonly words: readonly string[];
  /** Absolute. */
  readonly stateDir: string;
  /** Ports that the operating system is to keep for portd, so that nothing else is given them; none when not asked. */
  readonly reserve: readonly { readonly first: number; readonly last: number }[];
}

/** One thing that is to be done; a command is a list of them, which `--dry-run` only tells. */
export interface Step {
  /** What it does, in the imperative: `write /etc/systemd/system/portd.service`. */
  readonly does: string;
  /** The text that it writes, where it writes one. */
  readonly text?: string;
  /** Does it. @throws {Error} with what the system said. */
  readonly run: () => Promise<void>;
}

/** `absent` is not installed, `failed` ended by itself otherwise than well. */
export type ServiceState = "absent" | "stopped" | "starting" | "running" | "stopping" | "failed";

/** How the service is, as the operating system tells it. */
export interface ServiceStatus {
  readonly state: ServiceState;
  /** Null while none runs. */
  readonly pid: number | null;
  /** How the last run ended, where the system knows: 0 is well. */
  readonly exitCode: number | null;
  /** Whether it starts with the machine, or with the user's session. */
  readonly startsAtBoot: boolean;
  /** The words of the command line as it is installed; null when it is not. */
  readonly command: readonly string[] | null;
  /** Where it is defined: path of a unit or property list, key of the registry; null when it is not installed. */
  readonly definition: string | null;
}

/** Where the lines go that the service writes. */
export type ServiceLog =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "journal"; readonly command: readonly [string, ...string[]] };

/** What the operating system tells a service that runs, and is told by it. */
export interface ServiceRun {
  /** Aborted when the service is to stop. */
  readonly signal: AbortSignal;
  /** To be called when requests are served; each time, when the configuration was read anew. */
  readonly ready: () => void;
  /** Names who is to be called when the configuration is to be read anew. */
  readonly onReload: (reload: () => void) => void;
}

/** The service control of an operating system. Nothing is done before a step is run, and nothing asked at its making. */
export interface ServiceControl {
  /** Why this user may not change the service, and who may; undefined when he may. */
  refusal(): Promise<string | undefined>;
  /**
   * The steps that install the service, or put this version in the place of an older one: a service that runs is
   * stopped before and started after. None are needed when it is installed just so.
   *
   * @throws {Error} when it must not be installed from where the program is.
   */
  install(definition: ServiceDefinition): Promise<readonly Step[]>;
  /** The steps that take away all that `install` made, the state folder apart; none when it is not installed. */
  uninstall(): Promise<readonly Step[]>;
  /** The steps to a running service, which end when it is ready. @throws {Error} when it is not installed. */
  start(): Promise<readonly Step[]>;
  /** The steps to a stopped service, which end when it has ended. @throws {Error} when it is not installed. */
  stop(): Promise<readonly Step[]>;
  status(): Promise<ServiceStatus>;
  /** Where its log is. @param stateDir of the service. */
  log(stateDir: string): ServiceLog;
  /**
   * Runs `work` as the service: called in the process that the system has started for it.
   *
   * @throws {Error} when it was not started by the system, where that matters; what `work` throws, after the
   * system was told of the failure.
   */
  run(work: (service: ServiceRun) => Promise<void>): Promise<void>;
}

/** Does the steps one after the other. @param tell is told each before it is done. */
export async function runSteps(steps: readonly Step[], tell: (step: Step) => void): Promise<void> {
  for (const step of steps) {
    tell(step);
    await step.run();
  }
}

/** The value of a flag in the words that start a service. */
export function wordBehind(command: readonly string[] | null, flag: string): string | undefined {
  const at = command?.lastIndexOf(flag) ?? -1;
  return at === -1 ? undefined : command![at + 1];
}
