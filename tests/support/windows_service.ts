/** A small Windows: its Service Control Manager, registry, security descriptors and netsh, as far as a service uses them. */
import type { ProgramOutcome } from "../../src/os/program.ts";
import { WindowsError } from "../../src/os/windows/win32_error.ts";
import type { FolderEntry } from "../../src/service/files.ts";
import { type Descriptor, type Grant, TRUSTED } from "../../src/service/windows/access.ts";
import type { FilesWithAcl, TrustOptions } from "../../src/service/windows/acl.ts";
import type { RegistryKeys, RegistryValue } from "../../src/service/windows/keys.ts";
import type { ProgramFiles } from "../../src/service/windows/program_home.ts";
import { WindowsServiceControl, type WindowsServiceParts } from "../../src/service/windows/service_control.ts";
import type { InstalledService, Services, ServiceSettings } from "../../src/service/windows/services.ts";
import type { ServiceProcess } from "../../src/service/windows/structures.ts";

const STOPPED = 1, START_PENDING = 2, STOP_PENDING = 3, RUNNING = 4;
const FILE_NOT_FOUND = 2, NEVER_STARTED = 1077, DOES_NOT_EXIST = 1060, SPECIFIC_ERROR = 1066;
const PRIVATE = ["S-1-5-18", "S-1-5-32-544"].map((sid) => ({ sid, mask: 0x1f01ff, inheritOnly: false }));
const STATE_DIR = "C:\\ProgramData\\portd";

/** The Service Control Manager. A service has started or stopped when its status was read often enough. */
export class FakeServices implements Services {
  isAdministrator = true;
  /** How many check points a service reports before it has started or stopped. */
  checkPoints = 2;
  /** The exit code with which the service ends instead of running. */
  failure = 0;
  /** The exit code of the next start. */
  failureOf: () => number = () => this.failure;
  readonly knows = new Set<keyof ServiceSettings>(["description", "isDelayed", "recovery", "recoversFromExitCode"]);
  installed: InstalledService | undefined;
  #process: ServiceProcess = stopped(NEVER_STARTED);
  #pid = 1000;

  mayChange(): boolean {
    return this.isAdministrator;
  }

  read(): InstalledService | undefined {
    return this.installed;
  }

  known(): ReadonlySet<keyof ServiceSettings> {
    return this.knows;
  }

  create(commandLine: string): void {
    this.installed = { commandLine, startType: 2, account: "LocalSystem", displayName: "portd", settings: {} };
    this.#process = stopped(NEVER_STARTED);
  }

  change(commandLine: string): void {
    const { settings } = this.#existing();
    this.create(commandLine);
    this.set(settings);
  }

  set(settings: Partial<ServiceSettings>): void {
    const installed = this.#existing();
    this.installed = { ...installed, settings: { ...installed.settings, ...settings } };
  }

  status(): ServiceProcess | undefined {
    if (this.installed === undefined) return undefined;
    this.#process = this.#next(this.#process);
    return this.#process;
  }

  start(): void {
    this.#existing();
    this.#process = { ...stopped(0), state: START_PENDING, pid: ++this.#pid, waitHintMs: 1000 };
  }

  stop(): boolean {
    if (this.#process.state === START_PENDING && this.#process.checkPoint === 0) return false;
    this.#process = { ...this.#process, state: STOP_PENDING, checkPoint: 0 };
    return true;
  }

  /** Called when the service is deleted: its key goes with it. */
  onDelete: () => void = () => {};

  delete(): void {
    this.#existing();
    this.installed = undefined;
    this.onDelete();
  }

  #next(process: ServiceProcess): ServiceProcess {
    if (process.state !== START_PENDING && process.state !== STOP_PENDING) return process;
    if (process.checkPoint < this.checkPoints) return { ...process, checkPoint: process.checkPoint + 1 };
    if (process.state === STOP_PENDING) return stopped(0);
    const failure = this.failureOf();
    if (failure !== 0) return { ...stopped(SPECIFIC_ERROR), specificExitCode: failure };
    return { ...process, state: RUNNING, checkPoint: 0 };
  }

  #existing(): InstalledService {
    if (this.installed === undefined) throw new WindowsError("open the service", DOES_NOT_EXIST);
    return this.installed;
  }
}

function stopped(exitCode: number): ServiceProcess {
  return { state: STOPPED, exitCode, specificExitCode: 0, checkPoint: 0, waitHintMs: 0, pid: 0 };
}

/** A registry. */
export class FakeKeys implements RegistryKeys {
  readonly values = new Map<string, RegistryValue>();

  holds(path: string, value: RegistryValue): boolean {
    return JSON.stringify(this.values.get(`${path}\\${value.name}`)) === JSON.stringify(value);
  }

  texts(path: string, name: string): readonly string[] {
    const value = this.values.get(`${path}\\${name}`);
    return Array.isArray(value?.data) ? value.data : [];
  }

  set(path: string, value: RegistryValue): void {
    this.values.set(`${path}\\${value.name}`, value);
  }

  deleteValue(path: string, name: string): void {
    this.values.delete(`${path}\\${name}`);
  }

  deleteKey(path: string): void {
    for (const name of this.values.keys()) if (name.startsWith(`${path}\\`)) this.values.delete(name);
  }
}

/** What is at a path. */
export interface FakeFile {
  readonly kind: "file" | "folder" | "link";
  /** @default SYSTEM */
  readonly owner?: string;
  /** On top of all rights of SYSTEM and Administrators. */
  readonly grants?: readonly Grant[];
  /** Where a link leads to. */
  readonly target?: string;
  /** @default "" */
  readonly text?: string;
}

/** The file system with its security descriptors. Folders above a file are there, and belong to the system. */
export class FakeFiles implements FilesWithAcl {
  readonly all = new Map<string, FakeFile>();
  /** Users whose token UAC has not split. */
  readonly unsplit: string[] = [];
  /** The SID of the user of this process, where there is one that does not count as the system. */
  person: string | undefined;
  /** Programs that run: they cannot be removed. */
  readonly running = new Set<string>();
  /** What Windows will remove at its next start. */
  readonly doomed: string[] = [];

  kindOf(path: string): FakeFile["kind"] | undefined {
    return this.all.get(path)?.kind ?? (this.entries(path).length > 0 ? "folder" : undefined);
  }

  entries(folder: string): FolderEntry[] {
    const prefix = folder.endsWith("\\") ? folder : `${folder}\\`;
    const within = [...this.all.keys()].filter((path) => path.startsWith(prefix));
    const names = new Set(within.map((path) => path.slice(prefix.length).split("\\")[0]!));
    return [...names].map((name) => ({ name, kind: this.kindOf(prefix + name)! }));
  }

  realPath(path: string): string {
    return this.all.get(path)?.target ?? path;
  }

  trusted({ withUser = false }: TrustOptions = {}): ReadonlySet<string> {
    return new Set([...TRUSTED, ...this.unsplit, ...(withUser && this.person !== undefined ? [this.person] : [])]);
  }

  read(path: string): Descriptor {
    if (this.kindOf(path) === undefined) throw new WindowsError(`read ${path}`, FILE_NOT_FOUND);
    const { owner = TRUSTED[0]!, grants = [] } = this.all.get(path) ?? {};
    return { owner, grants: [...PRIVATE, ...grants] };
  }

  createPrivate(path: string, user?: string): void {
    this.all.set(path, { kind: "folder", ...(user !== undefined && { owner: user }) });
  }

  makePrivate(path: string, user?: string): void {
    const { owner } = this.all.get(path) ?? {};
    this.all.set(path, { kind: this.kindOf(path)!, ...(user !== undefined && owner !== undefined && { owner }) });
  }

  /** The same files, as those of programs. */
  readonly programs: ProgramFiles = {
    isSame: (one, other) => {
      const [first, second] = [this.all.get(one), this.all.get(other)];
      return first !== undefined && second !== undefined && first.text === second.text;
    },
    names: (folder) => this.entries(folder).map(({ name }) => name),
    copy: (from, to) => void this.all.set(to, { kind: "file", ...textOf(this.#existing(from)) }),
    rename: (from, to) => {
      this.all.set(to, this.#existing(from));
      this.all.delete(from);
      if (this.running.delete(from)) this.running.add(to);
    },
    remove: (path) => {
      if (this.running.has(path)) this.doomed.push(path);
      else this.all.delete(path);
    },
  };

  #existing(path: string): FakeFile {
    const file = this.all.get(path);
    if (file === undefined) throw new Deno.errors.NotFound(path);
    return file;
  }

  user(): string {
    return this.person ?? TRUSTED[0]!;
  }

  nameOf(sid: string): string {
    return `SHOP\\${sid}`;
  }
}

function textOf({ text }: FakeFile): Pick<FakeFile, "text"> {
  return text === undefined ? {} : { text };
}

/** netsh with its excluded ranges; `*` marks those of an administrator, as netsh does. */
export class FakeNetsh {
  /** `ipv4 tcp 20000 20099 *` */
  readonly ranges: string[] = [];
  /** `tcp 20017`: ports that a socket has. */
  readonly used = new Set<string>();
  /** The commands that change something. */
  readonly changes: string[] = [];

  readonly usedPorts = (protocol: string): ReadonlySet<number> =>
    new Set([...this.used].filter((entry) => entry.startsWith(protocol)).map((entry) => Number(entry.split(" ")[1])));

  readonly run = (args: readonly string[]): Promise<ProgramOutcome> => {
    const [, family, verb, , ...rest] = args;
    const given = Object.fromEntries(rest.map((word) => word.split("=")));
    const prefix = `${family} ${given.protocol} `;
    if (verb === "show") {
      const lines = this.ranges.filter((range) => range.startsWith(prefix)).map((range) => range.slice(prefix.length));
      return answer(0, `\n開始ポート    終了ポート\n----------    --------\n${lines.join("\n")}\n\n* - 管理\n`);
    }
    this.changes.push(args.join(" "));
    const first = Number(given.startport), last = first + Number(given.numberofports) - 1;
    const line = `${prefix}${first} ${last} *`;
    if (verb === "delete") return answer(this.#remove(line) ? 0 : 1, "指定されたファイルが見つかりません。");
    const isTaken = this.ranges.some((range) => {
      const [start, end] = range.slice(prefix.length).split(" ").map(Number);
      return range.startsWith(prefix) && start! <= last && end! >= first;
    });
    const isUsed = [...this.usedPorts(given.protocol!)].some((port) => first <= port && port <= last);
    const isRefused = isTaken || isUsed;
    if (!isRefused) this.ranges.push(line);
    return answer(isRefused ? 1 : 0, isRefused ? "プロセスはファイルにアクセスできません。" : "OK");
  };

  #remove(line: string): boolean {
    const at = this.ranges.indexOf(line);
    if (at !== -1) this.ranges.splice(at, 1);
    return at !== -1;
  }
}

function answer(code: number, stdout: string): Promise<ProgramOutcome> {
  return Promise.resolve({ code, stdout, stderr: "" });
}

/** All of it, with a service control that works on it. */
export class FakeWindows {
  readonly services = new FakeServices();
  readonly keys = new FakeKeys();
  readonly files = new FakeFiles();
  readonly netsh = new FakeNetsh();
  /** How long was waited, in milliseconds. */
  waitedMs = 0;

  readonly definition = {
    self: ["C:\\Program Files\\portd\\portd.exe"],
    words: ["--state-dir", STATE_DIR, "--listen", "127.0.0.1:7678"],
    stateDir: STATE_DIR,
    reserve: [],
  } as const;

  constructor() {
    this.files.all.set(this.definition.self[0], { kind: "file" });
    this.files.all.set("C:\\ProgramData", { kind: "folder" });
    this.services.onDelete = () => this.keys.deleteKey("SYSTEM\\CurrentControlSet\\Services\\portd");
  }

  control(parts: Partial<WindowsServiceParts> = {}): WindowsServiceControl {
    return new WindowsServiceControl({
      services: this.services,
      keys: this.keys,
      files: this.files,
      programs: this.files.programs,
      netsh: this.netsh.run,
      usedPorts: this.netsh.usedPorts,
      env: { LOCALAPPDATA: "C:\\Users\\me\\AppData\\Local" },
      pause: (ms) => {
        this.waitedMs += ms;
        return Promise.resolve();
      },
      run: () => Promise.reject(new Error("Cannot run as a service: only the Service Control Manager starts it")),
      ...parts,
    });
  }
}
