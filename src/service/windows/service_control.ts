/**
 * portd as a service of Windows: installed, started, stopped and asked through the Service Control Manager. Its words
 * are not read from sc.exe, which speaks the user's language; --dry-run tells what sc.exe would be told all the same.
 * scm.ts is the other side: running as the service.
 */
import { openAdvapi32, openAdvapi32Services, SERVICE_AUTO_START } from "../../os/windows/advapi32.ts";
import { openKernel32 } from "../../os/windows/kernel32.ts";
import {
  SERVICE_NAME,
  type ServiceControl,
  type ServiceDefinition,
  type ServiceLog,
  type ServiceRun,
  type ServiceStatus,
  type Step,
  wordBehind,
} from "../service.ts";
import { type Acl, WindowsAcl } from "./acl.ts";
import { joinCommandLine, quoteWord } from "./command_line.ts";
import { EVENT_SOURCE, EVENT_SOURCE_VALUES, EventLog } from "./event_log.ts";
import { ExcludedPorts, type Netsh, runNetsh } from "./excluded_ports.ts";
import { type Files, SystemFiles } from "./files.ts";
import { type RegistryKeys, type RegistryValue, WindowsKeys } from "./keys.ts";
import { findProgramPaths, refuseChangeable } from "./program_files.ts";
import { runAsService } from "./scm.ts";
import { ACCOUNT, DISPLAY_NAME, type Services, type ServiceSettings, WindowsServices } from "./services.ts";
import { keepPrivate } from "./state_acl.ts";
import { step } from "./step.ts";
import { describeStatus, Transitions } from "./transitions.ts";

/** Where the service is written down, under HKEY_LOCAL_MACHINE. */
export const SERVICE_KEY = `SYSTEM\\CurrentControlSet\\Services\\${SERVICE_NAME}`;
const PARAMETERS_KEY = `${SERVICE_KEY}\\Parameters`;
/** How it is to be besides its command line. */
const SETTINGS: ServiceSettings = {
  description: "Leases TCP and UDP ports to the services of this machine.",
  isDelayed: true,
  recovery: { resetS: 86_400, restartMs: [1000, 5000, 30_000] },
  recoversFromExitCode: true,
};

/** What {@linkcode WindowsServiceControl} works with. */
export interface WindowsServiceParts {
  readonly services: Services;
  readonly keys: RegistryKeys;
  readonly acl: Acl;
  readonly files: Files;
  readonly netsh: Netsh;
  /** The environment of this process. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends after so many milliseconds. */
  readonly pause: (ms: number) => Promise<void>;
  readonly run: (work: (service: ServiceRun) => Promise<void>) => Promise<void>;
}

/** The service of this machine. */
export class WindowsServiceControl implements ServiceControl {
  readonly #parts: WindowsServiceParts;
  readonly #transitions: Transitions;
  readonly #exclusions: ExcludedPorts;

  constructor(parts: WindowsServiceParts = openParts()) {
    this.#parts = parts;
    this.#transitions = new Transitions(parts);
    this.#exclusions = new ExcludedPorts({ ...parts, path: PARAMETERS_KEY });
  }

  refusal(): Promise<string | undefined> {
    const may = this.#parts.services.mayChange();
    return Promise.resolve(
      may ? undefined : "that takes an administrator's rights: open the terminal with Run as administrator",
    );
  }

  async install(definition: ServiceDefinition): Promise<readonly Step[]> {
    const { acl, keys, files } = this.#parts;
    const [, ...words] = definition.self;
    const cache = words.length === 0 ? undefined : this.#denoDir();
    refuseChangeable(findProgramPaths(definition.self, { files, cache }), acl);
    const changes = [
      ...keepPrivate(definition.stateDir, this.#parts),
      ...this.#configure(definition),
      ...this.#setEnvironment(words.length === 0 ? [] : this.#sourceEnvironment()),
      ...EVENT_SOURCE_VALUES.filter((value) => !keys.holds(EVENT_SOURCE, value))
        .map((value) => this.#write(EVENT_SOURCE, value)),
    ];
    const reserve = await this.#exclusions.stepsTo(definition.reserve);
    const runs = !["absent", "stopped", "failed"].includes((await this.status()).state);
    if (!runs) return [...changes, ...reserve];
    // First what Windows may refuse: a service that ran is not to stay stopped for it.
    return changes.length === 0
      ? reserve
      : [...reserve, this.#stopStep(), ...changes, this.#startStep(definition.stateDir)];
  }

  async uninstall(): Promise<readonly Step[]> {
    const { services, keys } = this.#parts;
    const forget: Step[] = EVENT_SOURCE_VALUES.some((value) => keys.holds(EVENT_SOURCE, value))
      ? [step(`reg.exe delete HKLM\\${EVENT_SOURCE} /f`, () => keys.deleteKey(EVENT_SOURCE))]
      : [];
    if (services.read() === undefined) return forget;
    return [
      ...await this.stop(),
      ...await this.#exclusions.stepsTo([]),
      { does: `sc.exe delete ${SERVICE_NAME}`, run: () => this.#transitions.delete() },
      ...forget,
    ];
  }

  async start(): Promise<readonly Step[]> {
    const { state, command } = await this.#installed();
    return state === "running" ? [] : [this.#startStep(wordBehind(command, "--state-dir"))];
  }

  async stop(): Promise<readonly Step[]> {
    const { state } = await this.#installed();
    return state === "stopped" || state === "failed" ? [] : [this.#stopStep()];
  }

  status(): Promise<ServiceStatus> {
    return Promise.resolve(describeStatus(this.#parts.services, `HKLM\\${SERVICE_KEY}`));
  }

  log(stateDir: string): ServiceLog {
    return { kind: "file", path: `${stateDir}\\daemon.log` };
  }

  async run(work: (service: ServiceRun) => Promise<void>): Promise<void> {
    await this.#parts.run(work);
  }

  async #installed(): Promise<ServiceStatus> {
    const status = await this.status();
    if (status.state !== "absent") return status;
    throw new Error(`Cannot find the service: it is not installed; "portd service install" does that`);
  }

  #startStep(stateDir: string | undefined): Step {
    const log = stateDir === undefined ? "daemon.log" : `${stateDir}\\daemon.log`;
    return { does: `sc.exe start ${SERVICE_NAME}`, run: () => this.#transitions.start(log) };
  }

  #stopStep(): Step {
    return { does: `sc.exe stop ${SERVICE_NAME}`, run: () => this.#transitions.stop() };
  }

  /** Makes the service, or changes of it what is to be otherwise. */
  #configure({ self, words }: ServiceDefinition): Step[] {
    const { services } = this.#parts;
    const commandLine = joinCommandLine([...self, "service", "run", ...words]);
    const installed = services.read();
    const isSame = installed?.commandLine === commandLine && installed.startType === SERVICE_AUTO_START &&
      installed.account === ACCOUNT && installed.displayName === DISPLAY_NAME;
    const path = `binPath= ${quoteWord(commandLine)} start= auto obj= ${ACCOUNT} DisplayName= ${DISPLAY_NAME}`;
    const make = installed === undefined
      ? [step(`sc.exe create ${SERVICE_NAME} ${path}`, () => services.create(commandLine))]
      : isSame
      ? []
      : [step(`sc.exe config ${SERVICE_NAME} ${path}`, () => services.change(commandLine))];
    return [...make, ...this.#changeSettings(installed?.settings)];
  }

  /** @param installed is what is known of them; `undefined` of a service that is yet to be made. */
  #changeSettings(installed: Partial<ServiceSettings> | undefined): Step[] {
    const { services } = this.#parts;
    const known = services.known();
    return (Object.keys(SETTINGS) as (keyof ServiceSettings)[]).flatMap((name) => {
      const command = COMMANDS[name](SETTINGS);
      if (!known.has(name)) {
        const isNew = installed === undefined;
        return isNew ? [step(`leave out ${command}, as this Windows knows no such setting`, () => {})] : [];
      }
      const isSame = JSON.stringify(installed?.[name]) === JSON.stringify(SETTINGS[name]);
      return isSame ? [] : [step(command, () => services.set({ [name]: SETTINGS[name] }))];
    });
  }

  /** Only for a program that runs from source: portd.exe needs nothing. */
  #setEnvironment(texts: readonly string[]): Step[] {
    const { keys } = this.#parts;
    const value: RegistryValue = { name: "Environment", kind: "texts", texts };
    if (texts.length > 0) return keys.holds(SERVICE_KEY, value) ? [] : [this.#write(SERVICE_KEY, value)];
    if (keys.texts(SERVICE_KEY, value.name).length === 0) return [];
    const does = `reg.exe delete HKLM\\${SERVICE_KEY} /v ${value.name} /f`;
    return [step(does, () => keys.deleteValue(SERVICE_KEY, value.name))];
  }

  #write(path: string, value: RegistryValue): Step {
    return step(regCommand(path, value), () => this.#parts.keys.set(path, value));
  }

  /** What Deno needs to run from source as it does here: the system's own account has another profile. */
  #sourceEnvironment(): string[] {
    const variables = { DENO_DIR: this.#denoDir(), NPM_CONFIG_REGISTRY: this.#parts.env.NPM_CONFIG_REGISTRY };
    return Object.entries(variables).flatMap(([name, value]) => value ? [`${name}=${value}`] : []);
  }

  #denoDir(): string | undefined {
    const { DENO_DIR, LOCALAPPDATA } = this.#parts.env;
    return DENO_DIR || (LOCALAPPDATA ? `${LOCALAPPDATA}\\deno` : undefined);
  }
}

/** What sc.exe would be told of each setting. */
const COMMANDS: Readonly<Record<keyof ServiceSettings, (settings: ServiceSettings) => string>> = {
  description: ({ description }) => `sc.exe description ${SERVICE_NAME} ${quoteWord(description)}`,
  isDelayed: () => `sc.exe config ${SERVICE_NAME} start= delayed-auto`,
  recovery: ({ recovery }) => {
    const actions = recovery!.restartMs.map((pauseMs) => `restart/${pauseMs}`).join("/");
    return `sc.exe failure ${SERVICE_NAME} reset= ${recovery!.resetS} actions= ${actions}`;
  },
  recoversFromExitCode: () => `sc.exe failureflag ${SERVICE_NAME} 1`,
};

function regCommand(path: string, value: RegistryValue): string {
  const [type, data] = value.kind === "number"
    ? ["REG_DWORD", String(value.number)]
    : value.kind === "texts"
    ? ["REG_MULTI_SZ", value.texts.join("\\0")]
    : ["REG_EXPAND_SZ", value.text];
  return `reg.exe add HKLM\\${path} /v ${value.name} /t ${type} /d ${quoteWord(data)} /f`;
}

function openParts(): WindowsServiceParts {
  const advapi32 = openAdvapi32(), services = openAdvapi32Services(), kernel32 = openKernel32();
  return {
    services: new WindowsServices(services, kernel32),
    keys: new WindowsKeys(services),
    acl: new WindowsAcl({ advapi32, services, kernel32 }),
    files: new SystemFiles(),
    netsh: runNetsh,
    env: Deno.env.toObject(),
    pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    run: (work) => runAsService(work, { advapi32: services, events: new EventLog(services) }),
  };
}
