/** Writes docs/openapi.json: deno task openapi. */
import { openApiDocument } from "../../../routes/openapi.ts";

/** Where the copy is. */
export const COPY = new URL("../../../docs/openapi.json", import.meta.url);

/** The document as the copy and `portd openapi` have it. */
export async function openApiText(): Promise<string> {
  return `${JSON.stringify(await openApiDocument(), null, 2)}\n`;
}

if (import.meta.main) await Deno.writeTextFile(COPY, await openApiText());
