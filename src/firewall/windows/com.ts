/** Calls COM by its binary interface: an object is a pointer to a pointer to a table of functions. */
import { CLSCTX_INPROC_SERVER, CLSCTX_LOCAL_SERVER, type Ole32, openOle32 } from "../../os/windows/ole32.ts";
import { type Oleaut32, openOleaut32 } from "../../os/windows/oleaut32.ts";
import { wideText } from "../../os/windows/wide_text.ts";

/** The libraries of COM. */
export interface ComLibraries {
  readonly ole32: Ole32;
  readonly oleaut32: Oleaut32;
}

/** Opens the libraries. @throws where they are absent, or without permission for FFI. */
export function openComLibraries(): ComLibraries {
  return { ole32: openOle32(), oleaut32: openOleaut32() };
}

/** A call that COM answered with a failure. */
export class ComError extends Error {
  override readonly name = "ComError";
  /** Unsigned. */
  readonly hresult: number;
  /** The method of netfw.h that failed, `INetFwRule::put_LocalPorts`. */
  readonly method: string;

  constructor(method: string, hresult: number) {
    super(`${method} answered 0x${(hresult >>> 0).toString(16).padStart(8, "0")}`);
    this.hresult = hresult >>> 0;
    this.method = method;
  }
}

/** A method of one parameter: its place in the table of its interface, and its C type. Its result is an HRESULT. */
export interface ComMethod {
  readonly name: string;
  readonly slot: number;
  readonly parameter: Deno.NativeType;
}

/** A class and the interface to ask it for: GUIDs, kept as constants because COM reads them on another thread. */
export interface ComClass {
  readonly clsid: Uint8Array<ArrayBuffer>;
  readonly iid: Uint8Array<ArrayBuffer>;
}

/** `IUnknown::Release`; its result is a count. */
const RELEASE_SLOT = 2;
const POINTER_SIZE = 8;

/** An object of COM. Its calls run on another thread, one at a time: await each before the next. */
export class ComObject implements AsyncDisposable {
  readonly pointer: Deno.PointerObject;
  readonly #table: Deno.UnsafePointerView;

  /** @param address is what COM wrote; disposing of the object releases its reference. */
  constructor(address: bigint) {
    const pointer = Deno.UnsafePointer.create(address);
    if (pointer === null) throw new TypeError("Cannot use an object of COM: its address is 0");
    this.pointer = pointer;
    const table = new Deno.UnsafePointerView(pointer).getPointer();
    this.#table = new Deno.UnsafePointerView(table!);
  }

  /** Calls a method. @throws {ComError} */
  async call({ name, slot, parameter }: ComMethod, argument: ComArgument): Promise<void> {
    requireSuccess(name, await this.#function(slot, parameter).call(this.pointer, argument));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#function(RELEASE_SLOT).call(this.pointer);
  }

  /** @param types are those behind `this`. */
  #function(slot: number, ...types: readonly Deno.NativeType[]) {
    const parameters: Deno.NativeType[] = ["pointer", ...types];
    return new Deno.UnsafeFnPointer(
      this.#table.getPointer(slot * POINTER_SIZE) as Deno.PointerObject<ComSignature>,
      { parameters, result: "i32", nonblocking: true },
    );
  }
}

/** What is passed to a method: a number, a pointer, or the buffer that it writes to. */
type ComArgument = number | Deno.PointerValue | BufferSource;
interface ComSignature {
  readonly parameters: Deno.NativeType[];
  readonly result: "i32";
}

/** Permission to call COM from every thread; dispose of it after all objects. */
export class ComUsage implements AsyncDisposable {
  readonly #libraries: ComLibraries;
  readonly #cookie: Deno.PointerValue;

  private constructor(libraries: ComLibraries, cookie: Deno.PointerValue) {
    this.#libraries = libraries;
    this.#cookie = cookie;
  }

  /** @throws {ComError} */
  static async start(libraries: ComLibraries): Promise<ComUsage> {
    const cookie = new BigUint64Array(1);
    requireSuccess("CoIncrementMTAUsage", await libraries.ole32.CoIncrementMTAUsage(cookie));
    return new ComUsage(libraries, Deno.UnsafePointer.create(cookie[0]!));
  }

  /** Makes an object. @throws {ComError} */
  async create({ clsid, iid }: ComClass): Promise<ComObject> {
    const address = new BigUint64Array(1), context = CLSCTX_INPROC_SERVER | CLSCTX_LOCAL_SERVER;
    const { CoCreateInstance } = this.#libraries.ole32;
    requireSuccess("CoCreateInstance", await CoCreateInstance(clsid, null, context, iid, address));
    return new ComObject(address[0]!);
  }

  /** Makes a text, a BSTR, that lives until it is disposed of. */
  text(text: string): { readonly pointer: Deno.PointerValue } & Disposable {
    const { SysAllocStringLen, SysFreeString } = this.#libraries.oleaut32;
    const pointer = SysAllocStringLen(wideText(text), text.length);
    if (pointer === null) throw new Error("Cannot make a text of COM: no memory");
    return { pointer, [Symbol.dispose]: () => SysFreeString(pointer) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#libraries.ole32.CoDecrementMTAUsage(this.#cookie);
  }
}

function requireSuccess(method: string, hresult: number): void {
  if (hresult < 0) throw new ComError(method, hresult);
}

/** A GUID as text, `2C5BC43E-3369-4C33-AB0C-BE9469677AF4`, as the bytes of the structure; [MS-DTYP] 2.3.4. */
export function guidBytes(text: string): Uint8Array<ArrayBuffer> {
  const parts = text.split("-").map((digits) => Uint8Array.from(digits.match(/../g)!, (byte) => parseInt(byte, 16)));
  return Uint8Array.from(parts.flatMap((bytes, i) => [...(i < 3 ? bytes.reverse() : bytes)]));
}
