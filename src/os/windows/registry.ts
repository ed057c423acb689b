/** Reading the registry of Windows: the part that all users share, HKEY_LOCAL_MACHINE. Nothing is written. */
import { Turns } from "../turns.ts";
import {
  type Advapi32,
  HKEY_LOCAL_MACHINE,
  KEY_QUERY_VALUE,
  openAdvapi32,
  REG_SZ,
  RRF_RT_REG_DWORD,
} from "./advapi32.ts";
import { textOfWide, wideText } from "./wide_text.ts";
import {
  ERROR_FILE_NOT_FOUND,
  ERROR_MORE_DATA,
  ERROR_NO_MORE_ITEMS,
  ERROR_UNSUPPORTED_TYPE,
  NO_ERROR,
  WindowsError,
} from "./win32_error.ts";

/** A value that is a text. */
export interface RegistryText {
  readonly name: string;
  readonly text: string;
}

/** A registry. Paths are those under HKEY_LOCAL_MACHINE. Its methods throw {@linkcode WindowsError}. */
export interface Registry {
  /** Whether there is a key. */
  exists(path: string): boolean;
  /** A number of 32 bits; `undefined` where there is no such value. */
  number(path: string, name: string): number | undefined;
  /**
   * All values of a key that are texts, as they were at one moment; `undefined` where there is no such key. It is read
   * in turns, between which the event loop does other work.
   */
  texts(path: string): Promise<readonly RegistryText[] | undefined>;
}

/** How often a key may change while it is read. */
const TRIES = 20;
const FIRST_SIZE = 1024;

/** The registry of this machine. */
export class WindowsRegistry implements Registry {
  readonly #advapi32: Advapi32;

  constructor(advapi32: Advapi32 = openAdvapi32()) {
    this.#advapi32 = advapi32;
  }

  exists(path: string): boolean {
    using key = OpenedKey.open(this.#advapi32, path);
    return key !== undefined;
  }

  number(path: string, name: string): number | undefined {
    const bytes = this.value(path, name, RRF_RT_REG_DWORD);
    return bytes === undefined ? undefined : new DataView(bytes.buffer).getUint32(0, true);
  }

  /**
   * The bytes of a value; `undefined` where there is none of these types.
   *
   * @param types as for `RegGetValueW`.
   */
  value(path: string, name: string, types: number): Uint8Array<ArrayBuffer> | undefined {
    const root = localMachine(), widePath = wideText(path), wideName = wideText(name);
    for (let size = FIRST_SIZE;;) {
      const data = new Uint8Array(size), needed = new Uint32Array([size]);
      const status = this.#advapi32.RegGetValueW(root, widePath, wideName, types, null, data, needed);
      if (status === ERROR_FILE_NOT_FOUND || status === ERROR_UNSUPPORTED_TYPE) return undefined;
      if (status === NO_ERROR) return data.slice(0, needed[0]);
      if (status !== ERROR_MORE_DATA) throw failure(path, status);
      size = Math.max(2 * size, needed[0]!);
    }
  }

  async texts(path: string): Promise<readonly RegistryText[] | undefined> {
    using key = OpenedKey.open(this.#advapi32, path);
    if (key === undefined) return undefined;
    for (let i = 0; i < TRIES; i++) {
      const before = key.extent();
      const texts = await key.texts(before);
      if (texts !== undefined && key.extent().writtenAt === before.writtenAt) return texts;
    }
    throw new Error(`Cannot read HKLM\\${path}: it changes faster than it can be read`);
  }
}

/** The root of the paths. */
export function localMachine(): Deno.PointerValue {
  return Deno.UnsafePointer.create(HKEY_LOCAL_MACHINE);
}

/** How large the values of a key are. */
interface Extent {
  readonly longestName: number;
  readonly longestData: number;
  /** FILETIME of the last change. */
  readonly writtenAt: bigint;
}

/** An open key; disposing of it closes it. */
class OpenedKey implements Disposable {
  readonly #advapi32: Advapi32;
  readonly #path: string;
  readonly #handle: Deno.PointerValue;

  private constructor(advapi32: Advapi32, path: string, handle: Deno.PointerValue) {
    this.#advapi32 = advapi32;
    this.#path = path;
    this.#handle = handle;
  }

  static open(advapi32: Advapi32, path: string): OpenedKey | undefined {
    const handle = new BigUint64Array(1);
    const status = advapi32.RegOpenKeyExW(localMachine(), wideText(path), 0, KEY_QUERY_VALUE, handle);
    if (status === ERROR_FILE_NOT_FOUND) return undefined;
    if (status !== NO_ERROR) throw failure(path, status);
    return new OpenedKey(advapi32, path, Deno.UnsafePointer.create(handle[0]!));
  }

  [Symbol.dispose](): void {
    this.#advapi32.RegCloseKey(this.#handle);
  }

  extent(): Extent {
    const longestName = new Uint32Array(1), longestData = new Uint32Array(1), writtenAt = new BigUint64Array(1);
    const none = [null, null, null] as const, { RegQueryInfoKeyW } = this.#advapi32;
    const status = RegQueryInfoKeyW(this.#handle, ...none, ...none, null, longestName, longestData, null, writtenAt);
    if (status !== NO_ERROR) throw failure(this.#path, status);
    return { longestName: longestName[0]!, longestData: longestData[0]!, writtenAt: writtenAt[0]! };
  }

  /** The texts; `undefined` when a longer one than all of `extent` was added meanwhile. */
  async texts({ longestName, longestData }: Extent): Promise<readonly RegistryText[] | undefined> {
    const name = new Uint16Array(longestName + 1), data = new Uint8Array(longestData);
    const nameLength = new Uint32Array(1), dataLength = new Uint32Array(1), type = new Uint32Array(1);
    const turns = new Turns(), texts: RegistryText[] = [];
    const text = (bytes: Uint8Array) => textOfWide(bytes).replace(/\0+$/, "");
    for (let index = 0;; index++) {
      if (turns.isOver) await turns.next();
      nameLength[0] = name.length;
      dataLength[0] = data.length;
      const { RegEnumValueW } = this.#advapi32;
      const status = RegEnumValueW(this.#handle, index, name, nameLength, null, type, data, dataLength);
      if (status === ERROR_NO_MORE_ITEMS) return texts;
      if (status === ERROR_MORE_DATA) return undefined;
      if (status !== NO_ERROR) throw failure(this.#path, status);
      if (type[0] !== REG_SZ) continue;
      const nameBytes = new Uint8Array(name.buffer, 0, 2 * nameLength[0]!);
      texts.push({ name: text(nameBytes), text: text(data.subarray(0, dataLength[0]!)) });
    }
  }
}

function failure(path: string, status: number): WindowsError {
  return new WindowsError(`read HKLM\\${path}`, status);
}
