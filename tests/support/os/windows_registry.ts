/** Writing to the registry of Windows, in tests: under HKEY_LOCAL_MACHINE. */
import { HKEY_LOCAL_MACHINE, REG_SZ } from "../../../src/os/windows/advapi32.ts";
import { system32 } from "../../../src/os/windows/system32.ts";
import { wideBytes, wideText } from "../../../src/os/windows/wide_text.ts";

const REG_BINARY = 3, REG_DWORD = 4, ERROR_FILE_NOT_FOUND = 2;

const SYMBOLS = {
  /** `LSTATUS RegSetKeyValueW(HKEY, const WCHAR *path, const WCHAR *name, DWORD type, const void *, DWORD size)` */
  RegSetKeyValueW: { parameters: ["pointer", "buffer", "buffer", "u32", "buffer", "u32"], result: "i32" },
  /** `LSTATUS RegDeleteKeyValueW(HKEY, const WCHAR *path, const WCHAR *name)` */
  RegDeleteKeyValueW: { parameters: ["pointer", "buffer", "buffer"], result: "i32" },
  /** `LSTATUS RegDeleteTreeW(HKEY, const WCHAR *path)` */
  RegDeleteTreeW: { parameters: ["pointer", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Writes values, with the keys above them, and deletes them. */
export class WritableRegistry implements Disposable {
  readonly #library = Deno.dlopen(system32("advapi32.dll"), SYMBOLS);

  setText(path: string, name: string, text: string): void {
    this.#set(path, name, REG_SZ, wideBytes(text));
  }

  setNumber(path: string, name: string, number: number): void {
    this.#set(path, name, REG_DWORD, new Uint8Array(new Uint32Array([number]).buffer));
  }

  setBytes(path: string, name: string, bytes: Uint8Array<ArrayBuffer>): void {
    this.#set(path, name, REG_BINARY, bytes);
  }

  /** Deletes a value, if there is one. */
  deleteValue(path: string, name: string): void {
    this.#check(path, this.#library.symbols.RegDeleteKeyValueW(this.#root, wideText(path), wideText(name)));
  }

  /** Deletes a key with everything in it, if there is one. */
  deleteKey(path: string): void {
    this.#check(path, this.#library.symbols.RegDeleteTreeW(this.#root, wideText(path)));
  }

  [Symbol.dispose](): void {
    this.#library.close();
  }

  get #root(): Deno.PointerValue {
    return Deno.UnsafePointer.create(HKEY_LOCAL_MACHINE);
  }

  #set(path: string, name: string, type: number, bytes: Uint8Array<ArrayBuffer>): void {
    const { RegSetKeyValueW } = this.#library.symbols;
    this.#check(path, RegSetKeyValueW(this.#root, wideText(path), wideText(name), type, bytes, bytes.length));
  }

  #check(path: string, status: number): void {
    if (status !== 0 && status !== ERROR_FILE_NOT_FOUND) throw new Error(`Cannot write ${path}: error ${status}`);
  }
}
