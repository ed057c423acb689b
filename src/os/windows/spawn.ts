/**
 * Starting a program of Windows that runs without a window: the daemon in the background, and the tools that it runs.
 * Manuals: CreateProcessW, Process Creation Flags, UpdateProcThreadAttribute. tool.ts runs one to its end.
 *
 * Every handle that is inheritable, as the standard handles of a compiled program are, goes to a program that is started
 * in the usual way: then whoever reads the output of `portd lease` waits for the end of the daemon. Here a program
 * inherits its three standard handles, and no other.
 */
import { addressOf } from "../pointer.ts";
import { joinCommandLine } from "./command_line.ts";
import {
  CREATE_BREAKAWAY_FROM_JOB,
  CREATE_NEW_PROCESS_GROUP,
  CREATE_NO_WINDOW,
  CREATE_UNICODE_ENVIRONMENT,
  EXTENDED_STARTUPINFO_PRESENT,
  FILE_SHARE_READ,
  FILE_SHARE_WRITE,
  GENERIC_READ,
  GENERIC_WRITE,
  INVALID_HANDLE_VALUE,
  type Kernel32Spawn,
  OPEN_EXISTING,
  PROC_THREAD_ATTRIBUTE_HANDLE_LIST,
  STARTF_USESTDHANDLES,
  WAIT_TIMEOUT,
} from "./kernel32.ts";
import { wideText } from "./wide_text.ts";

/** What {@linkcode spawn} starts. */
export interface SpawnOptions {
  /** The absolute path of the program, and its arguments. */
  readonly words: readonly [string, ...string[]];
  /** @default our own folder */
  readonly cwd?: string | undefined;
  /** The whole environment. @default our own */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** An inheritable handle that it reads from. @default the device that has nothing to read */
  readonly stdin?: Deno.PointerValue;
  /** An inheritable handle that it writes to. @default the device that swallows everything */
  readonly stdout?: Deno.PointerValue;
  readonly stderr?: Deno.PointerValue;
  /** Whether it leaves the job in which we run, where that allows it: such a job may end all of its processes. */
  readonly leavesJob?: boolean;
}

/** `STARTUPINFOEXW` of a 64-bit system, and its members that are not 0. */
const STARTUP_SIZE = 112, STARTUP_FLAGS = 60, STARTUP_HANDLES = 80, STARTUP_ATTRIBUTES = 104;
/** `PROCESS_INFORMATION`. */
const INFORMATION_SIZE = 24, INFORMATION_THREAD = 8, INFORMATION_PID = 16;
/** `SECURITY_ATTRIBUTES`. */
const SECURITY_SIZE = 24, SECURITY_INHERIT = 16;
const POINTER_SIZE = 8;
/** The exit code of a program that was ended, as by `taskkill /F`. */
const ENDED_CODE = 1;
/** No console window, and a process group of its own: Ctrl-C in our console does not reach it. */
const FLAGS = CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP | CREATE_UNICODE_ENVIRONMENT | EXTENDED_STARTUPINFO_PRESENT;

/** A program that was started. Disposing of it forgets it, and does not end it. */
export class SpawnedProcess implements Disposable {
  readonly pid: number;
  readonly #handle: Deno.PointerValue;
  readonly #kernel32: Kernel32Spawn;

  /** @param handle is closed by disposing. */
  constructor(pid: number, handle: Deno.PointerValue, kernel32: Kernel32Spawn) {
    this.pid = pid;
    this.#handle = handle;
    this.#kernel32 = kernel32;
  }

  /** `undefined` while it runs. */
  get exitCode(): number | undefined {
    if (this.#kernel32.WaitForSingleObject(this.#handle, 0) === WAIT_TIMEOUT) return undefined;
    const code = new Uint32Array(1);
    if (this.#kernel32.GetExitCodeProcess(this.#handle, code) === 0) {
      throw new Error(`Cannot read the exit code of pid ${this.pid}`);
    }
    return code[0]!;
  }

  /** Ends it at once; does nothing when it has ended. */
  end(): void {
    const isDone = this.#kernel32.TerminateProcess(this.#handle, ENDED_CODE) !== 0;
    if (!isDone && this.exitCode === undefined) throw new Error(`Cannot end pid ${this.pid}`);
  }

  [Symbol.dispose](): void {
    this.#kernel32.CloseHandle(this.#handle);
  }
}

/**
 * Starts a program, off the event loop.
 *
 * @throws {Deno.errors.NotFound} when there is no such program.
 * @throws {Deno.errors.PermissionDenied} when Windows does not start it.
 */
export async function spawn(options: SpawnOptions, kernel32: Kernel32Spawn): Promise<SpawnedProcess> {
  using request = new SpawnRequest(options, kernel32);
  // The reason of a refusal is not known here: GetLastError is about the thread that calls it.
  const spawned = options.leavesJob ? await request.send(CREATE_BREAKAWAY_FROM_JOB) : undefined;
  return spawned ?? await request.send(0) ?? await refuse(options.words[0]);
}

async function refuse(program: string): Promise<never> {
  await Deno.stat(program);
  throw new Deno.errors.PermissionDenied(`Windows does not start ${program}`);
}

/** All that Windows reads while it starts a program, kept in memory until it has. */
class SpawnRequest implements Disposable {
  readonly #kernel32: Kernel32Spawn;
  readonly #program: Uint16Array<ArrayBuffer>;
  readonly #commandLine: Uint16Array<ArrayBuffer>;
  readonly #environment: Uint16Array<ArrayBuffer> | null;
  readonly #cwd: Uint16Array<ArrayBuffer> | null;
  readonly #null: Deno.PointerValue;
  readonly #inherited: Uint8Array<ArrayBuffer>;
  readonly #attributes: Uint8Array<ArrayBuffer>;
  readonly #startup = new DataView(new ArrayBuffer(STARTUP_SIZE));

  constructor({ words, cwd, env, stdin, stdout, stderr }: SpawnOptions, kernel32: Kernel32Spawn) {
    this.#kernel32 = kernel32;
    this.#program = wideText(words[0]);
    this.#commandLine = wideText(joinCommandLine(words));
    this.#environment = env === undefined ? null : environmentBlock(env);
    this.#cwd = cwd === undefined ? null : wideText(cwd);
    this.#null = openNull(kernel32);
    const handles = [stdin, stdout, stderr].map((handle) => handle ?? this.#null).map(addressOfHandle);
    this.#inherited = new Uint8Array(BigUint64Array.from(new Set(handles)).buffer);
    this.#attributes = listHandles(this.#inherited, kernel32);
    this.#startup.setUint32(0, STARTUP_SIZE, true);
    this.#startup.setUint32(STARTUP_FLAGS, STARTF_USESTDHANDLES, true);
    for (const [i, handle] of handles.entries()) {
      this.#startup.setBigUint64(STARTUP_HANDLES + POINTER_SIZE * i, handle, true);
    }
    this.#startup.setBigUint64(STARTUP_ATTRIBUTES, addressOf(this.#attributes), true);
  }

  /** @returns `undefined` when Windows refuses it. */
  async send(flags: number): Promise<SpawnedProcess | undefined> {
    const information = new DataView(new ArrayBuffer(INFORMATION_SIZE));
    const isStarted = await this.#kernel32.CreateProcessW(
      this.#program,
      this.#commandLine,
      null,
      null,
      1,
      FLAGS | flags,
      this.#environment,
      this.#cwd,
      this.#startup,
      information,
    );
    if (isStarted === 0) return undefined;
    const handleAt = (at: number) => Deno.UnsafePointer.create(information.getBigUint64(at, true));
    this.#kernel32.CloseHandle(handleAt(INFORMATION_THREAD));
    return new SpawnedProcess(information.getUint32(INFORMATION_PID, true), handleAt(0), this.#kernel32);
  }

  [Symbol.dispose](): void {
    this.#kernel32.DeleteProcThreadAttributeList(this.#attributes);
    this.#kernel32.CloseHandle(this.#null);
  }
}

/** The device that has nothing to read and swallows what is written, inheritable. */
function openNull(kernel32: Kernel32Spawn): Deno.PointerValue {
  const security = new DataView(new ArrayBuffer(SECURITY_SIZE));
  security.setUint32(0, SECURITY_SIZE, true);
  security.setUint32(SECURITY_INHERIT, 1, true);
  const access = (GENERIC_READ | GENERIC_WRITE) >>> 0, share = FILE_SHARE_READ | FILE_SHARE_WRITE;
  const handle = kernel32.CreateFileW(wideText("NUL"), access, share, security, OPEN_EXISTING, 0, null);
  if (addressOfHandle(handle) === INVALID_HANDLE_VALUE) throw new Error("Cannot open the device NUL");
  return handle;
}

/** A list of attributes with these handles. @param handles must stay in memory, and in its place, as long as the list. */
function listHandles(handles: Uint8Array<ArrayBuffer>, kernel32: Kernel32Spawn): Uint8Array<ArrayBuffer> {
  const size = new BigUint64Array(1);
  kernel32.InitializeProcThreadAttributeList(null, 1, 0, size); // fails, and says how large the list is
  const list = new Uint8Array(Number(size[0])), attribute = BigInt(PROC_THREAD_ATTRIBUTE_HANDLE_LIST);
  addressOf(list), addressOf(handles); // now they have their places
  const length = BigInt(handles.length);
  const isMade = kernel32.InitializeProcThreadAttributeList(list, 1, 0, size) !== 0 &&
    kernel32.UpdateProcThreadAttribute(list, 0, attribute, handles, length, null, null) !== 0;
  if (!isMade) throw new Error("Cannot name the handles that a program inherits");
  return list;
}

/** `NAME=value` with a NUL behind each and at the end, in the order that Windows wants. Pure. */
export function environmentBlock(env: Readonly<Record<string, string>>): Uint16Array<ArrayBuffer> {
  const upper = (name: string) => name.toUpperCase();
  const names = Object.keys(env).sort((a, b) => upper(a) < upper(b) ? -1 : upper(a) > upper(b) ? 1 : 0);
  return wideText(names.map((name) => `${name}=${env[name]}\0`).join("") || "\0");
}

function addressOfHandle(handle: Deno.PointerValue): bigint {
  return BigInt(Deno.UnsafePointer.value(handle));
}
