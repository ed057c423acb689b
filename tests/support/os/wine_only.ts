/** Tests that change the whole Windows on which they run. */
import { system32 } from "../../../src/os/windows/system32.ts";

/** @throws {Error} on a real Windows. @param what says what the tests would change there. */
export function requireWine(what: string): void {
  const symbols = { wine_get_version: { parameters: [], result: "pointer", optional: true } } as const;
  const ntdll = Deno.dlopen(system32("ntdll.dll"), symbols);
  const isWine = ntdll.symbols.wine_get_version !== null;
  ntdll.close();
  if (!isWine) throw new Error(`Cannot run these tests on a real Windows: they ${what}`);
}
