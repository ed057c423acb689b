/** Handles of Windows that programs which are started inherit, for tests. */
import { HANDLE_FLAG_INHERIT, openKernel32Spawn } from "../../src/os/windows/kernel32.ts";
import { system32 } from "../../src/os/windows/system32.ts";

const STANDARD_HANDLES = [-10, -11, -12];

/** Makes the standard handles of this process inheritable, as those of a compiled program are. */
export function makeStandardHandlesInheritable(): void {
  const { symbols } = Deno.dlopen(system32("kernel32.dll"), {
    GetStdHandle: { parameters: ["i32"], result: "pointer" },
    SetHandleInformation: { parameters: ["pointer", "u32", "u32"], result: "i32" },
  });
  for (const number of STANDARD_HANDLES) {
    const isSet = symbols.SetHandleInformation(symbols.GetStdHandle(number), HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
    if (isSet === 0) throw new Error(`Cannot make the standard handle ${number} inheritable`);
  }
}

/** A pipe whose end to write to is inheritable. */
export class InheritablePipe implements Disposable {
  readonly #kernel32 = openKernel32Spawn();
  readonly #reader: Deno.PointerValue;
  #writer: Deno.PointerValue;

  constructor() {
    const reader = new BigUint64Array(1), writer = new BigUint64Array(1);
    if (this.#kernel32.CreatePipe(reader, writer, null, 0) === 0) throw new Error("Cannot make a pipe");
    this.#reader = Deno.UnsafePointer.create(reader[0]!);
    this.#writer = Deno.UnsafePointer.create(writer[0]!);
    this.#kernel32.SetHandleInformation(this.#writer, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
  }

  /** Closes our end to write to. @returns whether another process has that end open. */
  isOpenElsewhere(): boolean {
    this.#kernel32.CloseHandle(this.#writer);
    this.#writer = null;
    return this.#kernel32.PeekNamedPipe(this.#reader, null, 0, null, new Uint32Array(1), null) !== 0;
  }

  [Symbol.dispose](): void {
    this.#kernel32.CloseHandle(this.#reader);
    if (this.#writer !== null) this.#kernel32.CloseHandle(this.#writer);
  }
}

// With --preload this file does it before the program of the command line runs.
if (Deno.env.has("PORTD_TEST_INHERITABLE")) makeStandardHandlesInheritable();
