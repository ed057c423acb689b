/** The part of the registry of Windows in which a service is written down, under HKEY_LOCAL_MACHINE. */
import {
  type Advapi32,
  type Advapi32Services,
  REG_DWORD,
  REG_EXPAND_SZ,
  REG_MULTI_SZ,
  RRF_RT_REG_DWORD,
  RRF_RT_REG_MULTI_SZ,
  RRF_RT_TEXT,
} from "../../os/windows/advapi32.ts";
import { localMachine, WindowsRegistry } from "../../os/windows/registry.ts";
import { textOfWide, wideBytes, wideText } from "../../os/windows/wide_text.ts";
import { ERROR_FILE_NOT_FOUND, NO_ERROR, WindowsError } from "../../os/windows/win32_error.ts";

/** A value with its name: a text with variables of the environment, several texts, or a number of 32 bits. */
export interface RegistryValue {
  readonly name: string;
  readonly data: string | readonly string[] | number;
}

/** A registry that can be changed. */
export type RegistryKeys = Pick<WindowsKeys, keyof WindowsKeys>;

/**
 * The registry of this machine. Paths are those under HKEY_LOCAL_MACHINE.
 *
 * @throws {WindowsError} where something may not be read or written.
 */
export class WindowsKeys {
  readonly #registry: WindowsRegistry;
  readonly #services: Advapi32Services;

  constructor({ advapi32, services }: { readonly advapi32: Advapi32; readonly services: Advapi32Services }) {
    this.#registry = new WindowsRegistry(advapi32);
    this.#services = services;
  }

  /** Whether a value is exactly this one. */
  holds(path: string, value: RegistryValue): boolean {
    const { flags, bytes: wanted } = encode(value);
    const bytes = this.#registry.value(path, value.name, flags);
    return bytes?.length === wanted.length && bytes.every((byte, i) => byte === wanted[i]);
  }

  /** The texts of a value; none where there is no such value. */
  texts(path: string, name: string): readonly string[] {
    const bytes = this.#registry.value(path, name, RRF_RT_REG_MULTI_SZ) ?? new Uint8Array();
    return textOfWide(bytes).split("\0").filter((text) => text !== "");
  }

  /** Writes a value, and makes the keys of its path. */
  set(path: string, value: RegistryValue): void {
    const { type, bytes } = encode(value), { RegSetKeyValueW } = this.#services;
    const status = RegSetKeyValueW(localMachine(), wideText(path), wideText(value.name), type, bytes, bytes.length);
    check(`write HKLM\\${path}`, status);
  }

  /** Removes a value, if it is there. */
  deleteValue(path: string, name: string): void {
    const status = this.#services.RegDeleteKeyValueW(localMachine(), wideText(path), wideText(name));
    check(`change HKLM\\${path}`, status);
  }

  /** Removes a key with all that is in it, if it is there. */
  deleteKey(path: string): void {
    check(`remove HKLM\\${path}`, this.#services.RegDeleteTreeW(localMachine(), wideText(path)));
  }
}

function check(intent: string, status: number): void {
  if (status !== NO_ERROR && status !== ERROR_FILE_NOT_FOUND) throw new WindowsError(intent, status);
}

/** A value as Windows has it. @returns its bytes, its type, and the flag by which only values of this type are read. */
function encode({ data }: RegistryValue) {
  if (typeof data === "string") return { type: REG_EXPAND_SZ, flags: RRF_RT_TEXT, bytes: wideBytes(data) };
  if (typeof data === "number") {
    return { type: REG_DWORD, flags: RRF_RT_REG_DWORD, bytes: new Uint8Array(new Uint32Array([data]).buffer) };
  }
  const bytes = wideBytes(data.map((text) => `${text}\0`).join(""));
  return { type: REG_MULTI_SZ, flags: RRF_RT_REG_MULTI_SZ, bytes };
}
