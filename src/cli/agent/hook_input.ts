/** What an agent gives to a hook: one JSON object on stdin. */
import { UsageError } from "../exit.ts";
import type { CliProcess } from "../context.ts";

/** More is no input of a hook, in bytes. */
const MOST_BYTES = 4 << 20;

/** Reads the object. @throws {UsageError} where it is none. */
export async function readHookInput({ stdin }: CliProcess): Promise<Readonly<Record<string, unknown>>> {
  if (stdin.isTerminal) throw new UsageError("Cannot read the hook's input: stdin is a terminal; an agent calls this");
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for (const piece = new Uint8Array(1 << 16);;) {
    const length = await stdin.read(piece);
    if (length === null) break;
    bytes += length;
    if (bytes > MOST_BYTES) throw new UsageError(`Cannot read the hook's input: it is longer than ${MOST_BYTES} bytes`);
    pieces.push(piece.slice(0, length));
  }
  const text = await new Blob(pieces as BlobPart[]).text();
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new UsageError("Cannot read the hook's input: it must be one JSON object on stdin");
}
