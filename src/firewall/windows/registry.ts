/** Reading the registry of Windows: what all users of the machine share, HKEY_LOCAL_MACHINE. Nothing is written. */
import { Turns } from "../../os/turns.ts";
import {
  type Advapi32,
  HKEY_LOCAL_MACHINE,
  KEY_QUERY_VALUE,
  openAdvapi32,
  REG_SZ,
  RRF_RT_REG_DWORD,
} from "../../os/windows/advapi32.ts";
import { wideText } from "../../os/windows/wide_text.ts";
import {
  ERROR_FILE_NOT_FOUND,
  ERROR_MORE_DATA,
  ERROR_NO_MORE_ITEMS,
  ERROR_UNSUPPORTED_TYPE,
  NO_ERROR,
} from "../../os/windows/win32_error.ts";

/** A value that is a text. */
export interface RegistryText {
  readonly name: string;
  readonly text: string;
}

/** What is asked of a registry. Paths are those under HKEY_LOCAL_MACHINE. */
export interface Registry {
  /** Whether there is a key. @throws where it cannot be read. */
  exists(path: string): boolean;
  /** A number of 32 bits; `undefined` where no such value is. @throws where it cannot be read. */
  number(path: string, name: string): number | undefined;
  /**
   * All values of a key that are texts, as they were at one moment; `undefined` where there is no such key. Others get
   * their turn meanwhile. @throws where it cannot be read.
   */
  texts(path: string): Promise<readonly RegistryText[] | undefined>;
}

/** How often a key may change while it is read. */
const TRIES = 20;

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
    const data = new Uint32Array(1), size = new Uint32Array([data.byteLength]);
    const root = Deno.UnsafePointer.create(HKEY_LOCAL_MACHINE);
    const [wide, wideName, type] = [wideText(path), wideText(name), RRF_RT_REG_DWORD];
    const status = this.#advapi32.RegGetValueW(root, wide, wideName, type, null, data, size);
    if (status === ERROR_FILE_NOT_FOUND || status === ERROR_UNSUPPORTED_TYPE) return undefined;
    if (status !== NO_ERROR) throw failure(path, status);
    return data[0]!;
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
    const root = Deno.UnsafePointer.create(HKEY_LOCAL_MACHINE);
    const status = advapi32.RegOpenKeyExW(root, wideText(path), 0, KEY_QUERY_VALUE, handle);
    if (status === ERROR_FILE_NOT_FOUND) return undefined;
    if (status !== NO_ERROR) throw failure(path, status);
    return new OpenedKey(advapi32, path, Deno.UnsafePointer.create(handle[0]!));
  }

  [Symbol.dispose](): void {
    this.#advapi32.RegCloseKey(this.#handle);
  }

  extent(): Extent {
    const longestName = new Uint32Array(1), longestData = new Uint32Array(1), writtenAt = new BigUint64Array(1);
    const status = this.#advapi32.RegQueryInfoKeyW(
      this.#handle,
      null,
      null,
      null,
      null,
      null,
      null,
      null,
      longestName,
      longestData,
      null,
      writtenAt,
    );
    if (status !== NO_ERROR) throw failure(this.#path, status);
    return { longestName: longestName[0]!, longestData: longestData[0]!, writtenAt: writtenAt[0]! };
  }

  /** The texts; `undefined` when one came meanwhile that is longer than all were. */
  async texts({ longestName, longestData }: Extent): Promise<readonly RegistryText[] | undefined> {
    const name = new Uint16Array(longestName + 1), data = new Uint8Array(longestData);
    const nameLength = new Uint32Array(1), dataLength = new Uint32Array(1), type = new Uint32Array(1);
    const decoder = new TextDecoder("utf-16le"), turns = new Turns(), texts: RegistryText[] = [];
    const text = (bytes: Uint8Array) => decoder.decode(bytes).replace(/\0+$/, "");
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

function failure(path: string, status: number): Error {
  return new Error(`Cannot read HKLM\\${path}: Windows error ${status}`);
}
