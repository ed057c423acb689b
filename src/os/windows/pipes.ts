/**
 * Pipes to the standard streams of a program, as tool.ts needs them: nothing here waits. Manuals: CreatePipe,
 * PeekNamedPipe, SetNamedPipeHandleState, Named Pipe Type, Read, and Wait Modes.
 */
import { HANDLE_FLAG_INHERIT, type Kernel32Spawn, PIPE_NOWAIT } from "./kernel32.ts";

/** How much one program may print to each of its streams; the longest answer of netsh has some kilobytes. */
const MOST_BYTES = 1 << 20;
/** How much is in a pipe before its writer waits until that is read. */
const PIPE_SIZE = 1 << 16;
/** A pipe may refuse a part for which it has not enough room as a whole. */
const PART_SIZE = 1 << 12;

/** What these pipes are made and used with. */
export type PipeCalls = Pick<
  Kernel32Spawn,
  | "CloseHandle"
  | "CreatePipe"
  | "PeekNamedPipe"
  | "ReadFile"
  | "SetHandleInformation"
  | "SetNamedPipeHandleState"
  | "WriteFile"
>;

/** A pipe, and what has come out of it. */
export class OutputPipe implements Disposable {
  /** The inheritable end that the program writes to. */
  readonly writer: Deno.PointerValue;
  readonly #reader: Deno.PointerValue;
  readonly #kernel32: PipeCalls;
  readonly #parts: Uint8Array<ArrayBuffer>[] = [];
  #length = 0;

  constructor(kernel32: PipeCalls) {
    this.#kernel32 = kernel32;
    [this.#reader, this.writer] = openPipe(kernel32);
    kernel32.SetHandleInformation(this.writer, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
  }

  /** Reads what is there. Never waits: our own end to write to keeps the pipe open, and an empty one is not read. */
  collect(): void {
    for (let size = this.#available(); size > 0; size = this.#available()) {
      const part = new Uint8Array(size), read = new Uint32Array(1);
      if (this.#kernel32.ReadFile(this.#reader, part, size, read, null) === 0) throw new Error("Cannot read a pipe");
      this.#parts.push(part.subarray(0, read[0]!));
      this.#length += read[0]!;
      if (this.#length > MOST_BYTES) throw new RangeError(`it has printed more than ${MOST_BYTES} bytes and was ended`);
    }
  }

  /** What was collected. Tools print in the code page of the user: only its ASCII is sure. */
  get text(): string {
    const decoder = new TextDecoder();
    return this.#parts.map((part) => decoder.decode(part, { stream: true })).join("") + decoder.decode();
  }

  [Symbol.dispose](): void {
    for (const end of [this.#reader, this.writer]) this.#kernel32.CloseHandle(end);
  }

  #available(): number {
    const available = new Uint32Array(1);
    const isRead = this.#kernel32.PeekNamedPipe(this.#reader, null, 0, null, available, null) !== 0;
    if (!isRead) throw new Error("Cannot look into a pipe");
    return Math.min(available[0]!, PIPE_SIZE);
  }
}

/** A pipe with what a program reads; the beginning is in it before the program starts. */
export class InputPipe implements Disposable {
  /** The inheritable end that the program reads from. */
  readonly reader: Deno.PointerValue;
  readonly #kernel32: PipeCalls;
  #writer: Deno.PointerValue;
  #isReaderOpen = true;
  #rest: Uint8Array<ArrayBuffer>;

  constructor(text: string, kernel32: PipeCalls) {
    this.#kernel32 = kernel32;
    this.#rest = new TextEncoder().encode(text);
    [this.reader, this.#writer] = openPipe(kernel32);
    kernel32.SetHandleInformation(this.reader, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
    const isSet = kernel32.SetNamedPipeHandleState(this.#writer, Uint32Array.of(PIPE_NOWAIT), null, null) !== 0;
    if (!isSet) {
      this[Symbol.dispose]();
      throw new Error("Cannot keep a pipe from waiting");
    }
    this.feed();
  }

  /**
   * Writes what there is room for, at most as much as a pipe holds. Behind the last byte the program sees the end. A
   * program may end, or close its stdin, before it has read all: then its exit code says why.
   */
  feed(): void {
    if (this.#writer === null) return;
    for (let left = PIPE_SIZE; left > 0 && this.#rest.length > 0;) {
      const part = this.#rest.subarray(0, Math.min(left, PART_SIZE)), written = new Uint32Array(1);
      const isRead = this.#kernel32.WriteFile(this.#writer, part, part.length, written, null) !== 0;
      if (!isRead) return this.#closeWriter();
      if (written[0] === 0) return; // it is full
      this.#rest = this.#rest.subarray(written[0]);
      left -= written[0]!;
    }
    if (this.#rest.length === 0) this.#closeWriter();
  }

  /** Leaves the reading to the program, which has its own handle of this end: then we see when it reads no more. */
  closeReader(): void {
    if (this.#isReaderOpen) this.#kernel32.CloseHandle(this.reader);
    this.#isReaderOpen = false;
  }

  [Symbol.dispose](): void {
    this.closeReader();
    this.#closeWriter();
  }

  #closeWriter(): void {
    if (this.#writer !== null) this.#kernel32.CloseHandle(this.#writer);
    this.#writer = null;
  }
}

/** The ends of a new pipe, reader and writer, which nobody inherits. */
function openPipe(kernel32: PipeCalls): [Deno.PointerValue, Deno.PointerValue] {
  const reader = new BigUint64Array(1), writer = new BigUint64Array(1);
  if (kernel32.CreatePipe(reader, writer, null, PIPE_SIZE) === 0) throw new Error("Cannot make a pipe");
  return [Deno.UnsafePointer.create(reader[0]!), Deno.UnsafePointer.create(writer[0]!)];
}
