/**
 * portd as a service of Windows: installed, started, stopped and asked through the Service Control Manager, and not
 * through sc.exe, which answers in the user's language. scm.ts is the other side: running as the service.
 */
import { openAdvapi32, openAdvapi32Services, SERVICE_AUTO_START } from "../../os/windows/advapi32.ts";
import { openKernel32 } from "../../os/windows/kernel32.ts";
import { runNetsh } from "../../os/windows/netsh.ts";
import { openUsedPorts, type UsedPorts } from "../../os/windows/socket_look.ts";
import { standardHandles } from "../../os/windows/std_handles.ts";
import { pause } from "../../wait.ts";
import { denoDirOf, moduleEnvironment } from "../deno_dir.ts";
import { refuseUnsafe } from "../inspect.ts";
import {
  flagValue,
  immediateStep,
  SERVICE_NAME,
  type ServiceControl,
  type ServiceDefinition,
  type ServiceLog,
  type ServiceRun,
  type ServiceStatus,
  type Step,
} from "../service.ts";
import { type FilesWithAcl, WindowsFiles } from "./acl.ts";
import { joinCommandLine } from "../../os/windows/command_line.ts";
import { EVENT_SOURCE, EVENT_SOURCE_VALUES, eventLog } from "./event_log.ts";
import { ExcludedPorts, type Netsh } from "./excluded_ports.ts";
import { inspectedFiles } from "./inspected_files.ts";
import { type RegistryKeys, type RegistryValue, WindowsKeys } from "./keys.ts";
import { machineFiles, type ProgramFiles, ProgramHome } from "./program_home.ts";
import { runAsService } from "./scm.ts";
import { ACCOUNT, DISPLAY_NAME, type Services, type ServiceSettings, WindowsServices } from "./services.ts";
import { keepPrivate } from "./state_acl.ts";
import { deleteService, describeStatus, startService, stopService } from "./transitions.ts";
import { upgradeSteps } from "./upgrade.ts";

/** The service's key, under HKEY_LOCAL_MACHINE. */
const SERVICE_KEY = `SYSTEM\\CurrentControlSet\\Services\\${SERVICE_NAME}`;
/** Values of the service: its variables; the program that portd has copied; what its standard handles were last. */
const PARAMETERS = `${SERVICE_KEY}\\Parameters`;
const ENVIRONMENT = "Environment", COPIED = "CopiedProgram", HANDLES = "StandardHandles";
const DESCRIPTION = "Leases TCP and UDP ports to the services of this machine.";
const RECOVERY = { resetS: 86_400, restartMs: [1000, 5000, 30_000] };
/** All settings of the service besides its command line, each with what it means to set it. */
const SETTINGS: { readonly [Name in keyof ServiceSettings]: readonly [ServiceSettings[Name], does: string] } = {
  description: [DESCRIPTION, `describe the service as: ${DESCRIPTION}`],
  // The first lease after a start of the machine must not wait the two minutes of a delayed start.
  isDelayed: [false, "have Windows start the service with the machine, without a delay"],
  recovery: [RECOVERY, "have Windows start the service again 1, 5 and 30 seconds after a failure"],
  recoversFromExitCode: [true, "count an exit code other than 0 as a failure"],
};

/** What {@linkcode WindowsServiceControl} works with. */
export interface WindowsServiceParts {
  readonly services: Services;
  readonly keys: RegistryKeys;
  readonly files: FilesWithAcl;
  readonly programs: ProgramFiles;
  readonly netsh: Netsh;
  readonly usedPorts: UsedPorts;
  /** The environment of this process. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Resolves after this time. */
  readonly pause: (ms: number) => Promise<void>;
  readonly run: (work: (service: ServiceRun) => Promise<void>) => Promise<void>;
}

/** The service of this machine. */
export class WindowsServiceControl implements ServiceControl {
  readonly #parts: WindowsServiceParts;
  readonly #exclusions: ExcludedPorts;

  constructor(parts: WindowsServiceParts = openParts()) {
    this.#parts = parts;
    this.#exclusions = new ExcludedPorts(parts);
  }

  refusal(): Promise<string | undefined> {
    const may = this.#parts.services.mayChange();
    return Promise.resolve(
      may ? undefined : "that takes an administrator's rights: open the terminal with Run as administrator",
    );
  }

  async install(given: ServiceDefinition): Promise<readonly Step[]> {
    const home = this.#home, [program] = given.self;
    // From source, portd stays where it is.
    const source = given.self.length === 1 && !home.is(program) ? program : undefined;
    const definition = source === undefined ? given : { ...given, self: [home.program] as const };
    this.#inspect(definition, source);
    // A program that somebody else has put there, such as install.ps1, stays when the service is uninstalled.
    const isCopied = source !== undefined && (this.#hasCopied || !home.isThere);
    const changes = this.#changesTo(definition, { isCopied });
    const reserve = await this.#exclusions.stepsTo(definition.reserve);
    const { state } = await this.status(), runs = !["absent", "stopped", "failed"].includes(state);
    const [stop, start] = [this.#stopStep(), this.#startStep(definition.stateDir)];
    // Windows may refuse the reservation. It comes first, so that a service that ran does not stay stopped then.
    if (source !== undefined && !home.holds(source)) {
      const inspect = (copied: string) => this.#inspect({ ...definition, self: [copied] });
      const before = { isInstalled: state !== "absent", runs }, restoreService = this.#restoration();
      return [
        ...reserve,
        ...upgradeSteps({ home, source, before, inspect, changes, stop, start, restoreService }),
      ];
    }
    if (!runs) return [...changes, ...reserve];
    return changes.length === 0 ? reserve : [...reserve, stop, ...changes, start];
  }

  async uninstall(): Promise<readonly Step[]> {
    const { services, keys } = this.#parts;
    const forget: Step[] = EVENT_SOURCE_VALUES.some((value) => keys.holds(EVENT_SOURCE, value))
      ? [immediateStep(`remove HKLM\\${EVENT_SOURCE}`, () => keys.deleteKey(EVENT_SOURCE))]
      : [];
    if (services.read() === undefined) return forget;
    const home = this.#home, isCopied = this.#hasCopied;
    return [
      ...await this.stop(),
      ...await this.#exclusions.stepsTo([]),
      { does: `remove the service ${SERVICE_NAME}`, run: () => deleteService(this.#parts) },
      ...forget,
      ...(isCopied ? [immediateStep(`remove ${home.program}`, () => home.remove())] : []),
    ];
  }

  async start(): Promise<readonly Step[]> {
    const { state, command } = await this.#installed();
    return state === "running" ? [] : [this.#startStep(flagValue(command, "--state-dir"))];
  }

  async stop(): Promise<readonly Step[]> {
    const { state } = await this.#installed();
    return state === "stopped" || state === "failed" ? [] : [this.#stopStep()];
  }

  status(): Promise<ServiceStatus> {
    const status = describeStatus(this.#parts.services, `HKLM\\${SERVICE_KEY}`);
    const handles = status.state === "running" ? this.#parts.keys.texts(PARAMETERS, HANDLES) : [];
    return Promise.resolve(handles.length === 0 ? status : { ...status, standardHandles: handles });
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
    throw new Error("Cannot find the service: it is not installed; install it with: portd service install");
  }

  #startStep(stateDir: string | undefined): Step {
    const log = stateDir === undefined ? "daemon.log" : `${stateDir}\\daemon.log`;
    return { does: `start the service ${SERVICE_NAME}`, run: () => startService(this.#parts, log) };
  }

  #stopStep(): Step {
    return { does: `stop the service ${SERVICE_NAME}`, run: () => stopService(this.#parts) };
  }

  get #home(): ProgramHome {
    return new ProgramHome(this.#parts.env, this.#parts.programs);
  }

  /** Whether portd has put the program into its place. */
  get #hasCopied(): boolean {
    const home = this.#home;
    return this.#parts.keys.texts(PARAMETERS, COPIED).some((path) => home.is(path));
  }

  /** @param source is the program that is to be copied: this user may change it, as they have brought it. */
  #inspect(definition: ServiceDefinition, source?: string): void {
    const { files, env } = this.#parts, denoDir = denoDirOf("windows", env);
    if (source !== undefined) {
      refuseUnsafe({ ...definition, self: [source] }, { files: inspectedFiles(files, { withUser: true }), denoDir });
    }
    refuseUnsafe(definition, { files: inspectedFiles(files), denoDir });
  }

  /** What differs from the definition, besides the program itself. */
  #changesTo(definition: ServiceDefinition, { isCopied }: { readonly isCopied: boolean }): Step[] {
    const { keys, env, files } = this.#parts, isCompiled = definition.self.length === 1;
    const copied = { name: COPIED, data: [...definition.self] };
    return [
      ...keepPrivate(definition.stateDir, files),
      ...this.#configure(definition),
      ...this.#setEnvironment(isCompiled ? {} : moduleEnvironment("windows", env)),
      ...(!isCopied || keys.holds(PARAMETERS, copied) ? [] : [this.#write(PARAMETERS, copied)]),
      ...EVENT_SOURCE_VALUES.filter((value) => !keys.holds(EVENT_SOURCE, value))
        .map((value) => this.#write(EVENT_SOURCE, value)),
    ];
  }

  /** What gives the service the command line and the values that it has now. */
  #restoration(): () => void {
    const { services, keys } = this.#parts, commandLine = services.read()?.commandLine;
    const values = [[SERVICE_KEY, ENVIRONMENT], [PARAMETERS, COPIED]] as const;
    const before = values.map(([path, name]) => [path, name, keys.texts(path, name)] as const);
    return () => {
      if (commandLine !== undefined) services.change(commandLine);
      for (const [path, name, data] of before) {
        if (data.length === 0) keys.deleteValue(path, name);
        else keys.set(path, { name, data });
      }
    };
  }

  /** Makes the service, or changes what differs. */
  #configure({ self, words }: ServiceDefinition): Step[] {
    const { services } = this.#parts;
    const commandLine = joinCommandLine([...self, "service", "run", ...words]);
    const installed = services.read();
    const isSame = installed?.commandLine === commandLine && installed.startType === SERVICE_AUTO_START &&
      installed.account === ACCOUNT && installed.displayName === DISPLAY_NAME;
    const service = `the service ${SERVICE_NAME}, which Windows starts as ${ACCOUNT} with: ${commandLine}`;
    const settings = this.#changeSettings(installed?.settings);
    if (isSame) return settings;
    const make = installed === undefined
      ? immediateStep(`make ${service}`, () => services.create(commandLine))
      : immediateStep(`change ${service}`, () => services.change(commandLine));
    return [make, ...settings];
  }

  /** @param installed are those of the installed service; `undefined` where there is none yet. */
  #changeSettings(installed: Partial<ServiceSettings> | undefined): Step[] {
    const { services } = this.#parts;
    const known = services.known();
    return (Object.keys(SETTINGS) as (keyof ServiceSettings)[]).flatMap((name) => {
      const [value, does] = SETTINGS[name];
      const isSame = JSON.stringify(installed?.[name]) === JSON.stringify(value);
      if (known.has(name)) return isSame ? [] : [immediateStep(does, () => services.set({ [name]: value }))];
      if (installed !== undefined) return [];
      return [immediateStep(`leave this out, as this Windows does not know the setting: ${does}`, () => {})];
    });
  }

  /** The variables of the service: those by which Deno finds portd's modules; a compiled program needs none. */
  #setEnvironment(variables: Readonly<Record<string, string>>): Step[] {
    const { keys } = this.#parts;
    const data = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
    const name = ENVIRONMENT, value = { name, data };
    if (data.length > 0) return keys.holds(SERVICE_KEY, value) ? [] : [this.#write(SERVICE_KEY, value)];
    if (keys.texts(SERVICE_KEY, name).length === 0) return [];
    return [immediateStep(`remove HKLM\\${SERVICE_KEY}\\${name}`, () => keys.deleteValue(SERVICE_KEY, name))];
  }

  #write(path: string, value: RegistryValue): Step {
    const data = [value.data].flat().join(" ");
    return immediateStep(`write HKLM\\${path}\\${value.name}: ${data}`, () => this.#parts.keys.set(path, value));
  }
}

function openParts(): WindowsServiceParts {
  const advapi32 = openAdvapi32(), services = openAdvapi32Services(), kernel32 = openKernel32();
  const keys = new WindowsKeys({ advapi32, services });
  const recordHandles = () => keys.set(PARAMETERS, { name: HANDLES, data: standardHandles() });
  return {
    services: new WindowsServices(services, { advapi32, kernel32 }),
    keys,
    files: new WindowsFiles({ advapi32, services, kernel32 }),
    programs: machineFiles,
    netsh: runNetsh,
    usedPorts: openUsedPorts(),
    env: Deno.env.toObject(),
    pause,
    run: async (work) => {
      const recorded = async (service: ServiceRun) => {
        recordHandles();
        await work(service);
      };
      await runAsService(recorded, { advapi32: services, writeEvent: eventLog(services) });
    },
  };
}
