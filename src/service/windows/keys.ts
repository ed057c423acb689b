/** The registry of Windows, as far as a service is written down there: HKEY_LOCAL_MACHINE. */
import {
  type Advapi32Services,
  HKEY_LOCAL_MACHINE,
  REG_DWORD,
  REG_EXPAND_SZ,
  REG_MULTI_SZ,
  RRF_RT_REG_DWORD,
  RRF_RT_REG_MULTI_SZ,
  RRF_RT_TEXT,
} from "../../os/windows/advapi32.ts";
import { wideText } from "../../os/windows/wide_text.ts";
import {
  ERROR_FILE_NOT_FOUND,
  ERROR_MORE_DATA,
  ERROR_UNSUPPORTED_TYPE,
  NO_ERROR,
} from "../../os/windows/win32_error.ts";
import { WindowsError } from "./failure.ts";

/** A value with its name: a text with variables of the environment, several texts, or a number of 32 bits. */
export type RegistryValue =
  & { readonly name: string }
  & (
    | { readonly kind: "expandable"; readonly text: string }
    | { readonly kind: "texts"; readonly texts: readonly string[] }
    | { readonly kind: "number"; readonly number: number }
  );

/** What is asked of a registry. Paths are those under HKEY_LOCAL_MACHINE. */
export interface RegistryKeys {
  /** Whether a value is just this one. */
  holds(path: string, value: RegistryValue): boolean;
  /** The texts of a value; none where there is none. */
  texts(path: string, name: string): readonly string[];
  /** Writes a value, with the keys on its way. */
  set(path: string, value: RegistryValue): void;
  /** Takes a value away, if it is there. */
  deleteValue(path: string, name: string): void;
  /** Takes a key away with all that is in it, if it is there. */
  deleteKey(path: string): void;
}

const TYPES = {
  expandable: { type: REG_EXPAND_SZ, flags: RRF_RT_TEXT },
  texts: { type: REG_MULTI_SZ, flags: RRF_RT_REG_MULTI_SZ },
  number: { type: REG_DWORD, flags: RRF_RT_REG_DWORD },
} as const;
const FIRST_SIZE = 1024;

/** The registry of this machine. @throws {WindowsError} of its calls, where something may not be read or written. */
export class WindowsKeys implements RegistryKeys {
  readonly #advapi32: Advapi32Services;

  constructor(advapi32: Advapi32Services) {
    this.#advapi32 = advapi32;
  }

  holds(path: string, value: RegistryValue): boolean {
    const bytes = this.#get(path, value.name, TYPES[value.kind].flags);
    const wanted = bytesOf(value);
    return bytes?.length === wanted.length && bytes.every((byte, i) => byte === wanted[i]);
  }

  texts(path: string, name: string): readonly string[] {
    const bytes = this.#get(path, name, RRF_RT_REG_MULTI_SZ) ?? new Uint8Array();
    return new TextDecoder("utf-16le").decode(bytes).split("\0").filter((text) => text !== "");
  }

  set(path: string, value: RegistryValue): void {
    const bytes = bytesOf(value), { type } = TYPES[value.kind];
    const { RegSetKeyValueW } = this.#advapi32;
    const status = RegSetKeyValueW(this.#root, wideText(path), wideText(value.name), type, bytes, bytes.length);
    check(`write HKLM\\${path}`, status);
  }

  deleteValue(path: string, name: string): void {
    check(`change HKLM\\${path}`, this.#advapi32.RegDeleteKeyValueW(this.#root, wideText(path), wideText(name)));
  }

  deleteKey(path: string): void {
    check(`remove HKLM\\${path}`, this.#advapi32.RegDeleteTreeW(this.#root, wideText(path)));
  }

  get #root(): Deno.PointerValue {
    return Deno.UnsafePointer.create(HKEY_LOCAL_MACHINE);
  }

  #get(path: string, name: string, flags: number): Uint8Array<ArrayBuffer> | undefined {
    const [widePath, wideName] = [wideText(path), wideText(name)];
    for (let size = FIRST_SIZE;;) {
      const data = new Uint8Array(size), needed = new Uint32Array([size]);
      const status = this.#advapi32.RegGetValueW(this.#root, widePath, wideName, flags, null, data, needed);
      if (status === ERROR_FILE_NOT_FOUND || status === ERROR_UNSUPPORTED_TYPE) return undefined;
      if (status === NO_ERROR) return data.slice(0, needed[0]);
      if (status !== ERROR_MORE_DATA) throw new WindowsError(`read HKLM\\${path}`, status);
      size = Math.max(2 * size, needed[0]!);
    }
  }
}

function check(intent: string, status: number): void {
  if (status !== NO_ERROR && status !== ERROR_FILE_NOT_FOUND) throw new WindowsError(intent, status);
}

function bytesOf(value: RegistryValue): Uint8Array<ArrayBuffer> {
  switch (value.kind) {
    case "expandable":
      return new Uint8Array(wideText(value.text).buffer);
    case "texts":
      return new Uint8Array(wideText(value.texts.map((text) => `${text}\0`).join("")).buffer);
    case "number":
      return new Uint8Array(new Uint32Array([value.number]).buffer);
  }
}
