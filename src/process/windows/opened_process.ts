/** An open process: its identity, its program, its command line and its folder. */
import { addressOf } from "../../os/pointer.ts";
import {
  type Kernel32,
  PROCESS_QUERY_LIMITED_INFORMATION,
  PROCESS_VM_READ,
  SYNCHRONIZE,
  WAIT_TIMEOUT,
} from "../../os/windows/kernel32.ts";
import {
  type Ntdll,
  PROCESS_BASIC_INFORMATION,
  PROCESS_COMMAND_LINE_INFORMATION,
  PROCESS_SESSION_INFORMATION,
  STATUS_SUCCESS,
} from "../../os/windows/ntdll.ts";
import { isMissing, openProcess } from "../../os/windows/open_process.ts";
import { parseUnicodeString, textWithin, type UnicodeString } from "../../os/windows/process_structures.ts";
import { textOfWide } from "../../os/windows/wide_text.ts";

/** The longest text of Windows: 32,767 UTF-16 units. */
const LONGEST_TEXT_SIZE = 1 << 16;
const UNICODE_STRING_SIZE = 16;
/** `PROCESS_BASIC_INFORMATION`, winternl.h. */
const BASIC_SIZE = 48, BASIC_PEB = 8, BASIC_PARENT_ID = 40;
/** Where `PEB` has the address of `RTL_USER_PROCESS_PARAMETERS`, and offsets in that; 64-bit. */
const PEB_PARAMETERS = 0x20, CURRENT_DIRECTORY = 0x38, COMMAND_LINE = 0x70, PARAMETERS_SIZE = 0x80;

/** The session of Windows itself and its services. */
const SERVICES_SESSION = 0;
const RIGHTS = PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE;

/** The answer to {@linkcode OpenedProcess.open}. */
export interface OpenAnswer {
  /** `undefined` when it could not be opened. */
  readonly opened: OpenedProcess | undefined;
  /** Whether there is such a process. One that may not be opened is there. */
  readonly isThere: boolean;
}

/** The libraries that an {@linkcode OpenedProcess} asks. */
export interface OpenedProcessParts {
  readonly kernel32: Kernel32;
  readonly ntdll: Ntdll;
}

/** An open handle; disposing of it closes it. While it is open its pid cannot become another process's. */
export class OpenedProcess implements Disposable {
  readonly handle: Deno.PointerValue;
  readonly #parts: OpenedProcessParts;

  private constructor(handle: Deno.PointerValue, parts: OpenedProcessParts) {
    this.handle = handle;
    this.#parts = parts;
  }

  /** Opens a process, whether it still runs or not, with the fewest rights. */
  static open(pid: number, parts: OpenedProcessParts): OpenAnswer {
    const opening = openProcess(pid, RIGHTS, parts.ntdll);
    return opening.handle === null
      ? { opened: undefined, isThere: !isMissing(opening) }
      : { opened: new OpenedProcess(opening.handle, parts), isThere: true };
  }

  [Symbol.dispose](): void {
    this.#parts.kernel32.CloseHandle(this.handle);
  }

  /** Its pid. OpenProcess ignores the last two bits of the pid it is given, so this may be another one. */
  get pid(): number {
    return this.#parts.kernel32.GetProcessId(this.handle);
  }

  /** Whether it runs: a process that has ended can be opened as long as another program has it open. */
  get isRunning(): boolean {
    return this.#parts.kernel32.WaitForSingleObject(this.handle, 0) === WAIT_TIMEOUT;
  }

  /** FILETIME of its creation. */
  get createdAt(): bigint {
    const creation = new BigUint64Array(1), others = new BigUint64Array(3);
    const [exit, kernel, user] = [others.subarray(0, 1), others.subarray(1, 2), others.subarray(2)];
    const answer = this.#parts.kernel32.GetProcessTimes(this.handle, creation, exit!, kernel!, user!);
    if (answer === 0) throw new Error(`Cannot read the times of pid ${this.pid}`);
    return creation[0]!;
  }

  /** The path of its program; null where Windows does not say. */
  get image(): string | null {
    const path = new Uint8Array(LONGEST_TEXT_SIZE), characters = new Uint32Array([LONGEST_TEXT_SIZE / 2]);
    const answer = this.#parts.kernel32.QueryFullProcessImageNameW(this.handle, 0, path, characters);
    return answer === 0 ? null : textOfWide(path.subarray(0, 2 * characters[0]!));
  }

  /** The pid of the process that started it; that may have ended since, and another process may have its pid. */
  get parentPid(): number | null {
    const basic = this.#basic();
    return basic === undefined ? null : Number(basic.getBigUint64(BASIC_PARENT_ID, true)) || null;
  }

  /** Its command line, without a look into its memory; `undefined` where the kernel does not say, as before Windows 8.1. */
  get commandLine(): string | undefined {
    const bytes = new Uint8Array(UNICODE_STRING_SIZE + LONGEST_TEXT_SIZE), base = addressOf(bytes);
    const answer = this.#query(PROCESS_COMMAND_LINE_INFORMATION, bytes);
    return answer && textWithin(bytes, base, parseUnicodeString(answer, 0));
  }

  /**
   * Its command line and its folder, from its memory: null where this user may not read that. The memory of the system's
   * own processes is never read: programs that look for intruders take that for an attack.
   */
  readMemory(): { readonly commandLine: string | null; readonly cwd: string | null } {
    const nothing = { commandLine: null, cwd: null };
    const peb = this.#basic()?.getBigUint64(BASIC_PEB, true) ?? 0n; // a process without user code has none
    if (peb === 0n || (this.#session ?? SERVICES_SESSION) === SERVICES_SESSION) return nothing;
    const { ntdll, kernel32 } = this.#parts;
    const { handle } = openProcess(this.pid, RIGHTS | PROCESS_VM_READ, ntdll); // ours keeps the pid from being reused
    if (handle === null) return nothing;
    try {
      return new Memory(handle, kernel32).parameters(peb) ?? nothing;
    } finally {
      kernel32.CloseHandle(handle);
    }
  }

  get #session(): number | undefined {
    return this.#query(PROCESS_SESSION_INFORMATION, new Uint8Array(4))?.getUint32(0, true);
  }

  #basic(): DataView | undefined {
    return this.#query(PROCESS_BASIC_INFORMATION, new Uint8Array(BASIC_SIZE));
  }

  #query(information: number, bytes: Uint8Array<ArrayBuffer>): DataView | undefined {
    const { NtQueryInformationProcess } = this.#parts.ntdll;
    const status = NtQueryInformationProcess(this.handle, information, bytes, bytes.length, new Uint32Array(1));
    return status === STATUS_SUCCESS ? new DataView(bytes.buffer) : undefined;
  }
}

/** The memory of a process. */
class Memory {
  readonly #handle: Deno.PointerValue;
  readonly #kernel32: Kernel32;

  constructor(handle: Deno.PointerValue, kernel32: Kernel32) {
    this.#handle = handle;
    this.#kernel32 = kernel32;
  }

  /** @param peb is the address of the process's environment block. */
  parameters(peb: bigint): { readonly commandLine: string | null; readonly cwd: string | null } | undefined {
    const address = this.#read(peb + BigInt(PEB_PARAMETERS), 8)?.getBigUint64(0, true);
    const parameters = address === undefined ? undefined : this.#read(address, PARAMETERS_SIZE);
    if (parameters === undefined) return undefined;
    const textAt = (at: number) => this.#text(parseUnicodeString(parameters, at));
    return { commandLine: textAt(COMMAND_LINE), cwd: withoutLastSlash(textAt(CURRENT_DIRECTORY)) };
  }

  #text({ length, address }: UnicodeString): string | null {
    if (length === 0) return null;
    const view = this.#read(address, length);
    return view === undefined ? null : textOfWide(new Uint8Array(view.buffer));
  }

  /** Memory of the process; `undefined` where there is none, as while it starts or ends. */
  #read(address: bigint, size: number): DataView | undefined {
    const bytes = new Uint8Array(size), read = new BigUint64Array(1);
    const answer = this.#kernel32.ReadProcessMemory(this.#handle, address, bytes, BigInt(size), read);
    return answer === 0 ? undefined : new DataView(bytes.buffer);
  }
}

/** `C:\shop\` as `C:\shop`; the root of a drive keeps its slash. */
function withoutLastSlash(folder: string | null): string | null {
  return folder === null || !/[^:\\]\\$/.test(folder) ? folder : folder.slice(0, -1);
}
