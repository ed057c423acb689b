/** oleaut32.dll of Windows: the texts of COM. */
import { system32 } from "./system32.ts";

const SYMBOLS = {
  /** `BSTR SysAllocStringLen(const OLECHAR *, UINT characters)`; null where there is no memory */
  SysAllocStringLen: { parameters: ["buffer", "u32"], result: "pointer" },
  /** `void SysFreeString(BSTR)` */
  SysFreeString: { parameters: ["pointer"], result: "void" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The opened library. */
export type Oleaut32 = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** Opens the library. @throws where there is none, or no permission for FFI. */
export function openOleaut32(): Oleaut32 {
  return Deno.dlopen(system32("oleaut32.dll"), SYMBOLS).symbols;
}

/** `VARIANT_BOOL`, wtypes.h. */
export const VARIANT_TRUE = -1, VARIANT_FALSE = 0;
