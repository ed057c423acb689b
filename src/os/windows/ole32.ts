/** ole32.dll of Windows: COM. */
import { system32 } from "./system32.ts";

const SYMBOLS = {
  /**
   * `HRESULT CoIncrementMTAUsage(CO_MTA_USAGE_COOKIE *)`, Windows 8: until CoDecrementMTAUsage, every thread that has
   * made no apartment of its own may call COM, in the multi-threaded apartment.
   */
  CoIncrementMTAUsage: { parameters: ["buffer"], result: "i32", nonblocking: true },
  /** `HRESULT CoDecrementMTAUsage(CO_MTA_USAGE_COOKIE)` */
  CoDecrementMTAUsage: { parameters: ["pointer"], result: "i32", nonblocking: true },
  /** `HRESULT CoCreateInstance(REFCLSID, IUnknown *outer, DWORD context, REFIID, void **)` */
  CoCreateInstance: { parameters: ["buffer", "pointer", "u32", "buffer", "buffer"], result: "i32", nonblocking: true },
} as const satisfies Deno.ForeignLibraryInterface;

/** The opened library. Its calls run off the event loop. */
export type Ole32 = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** Opens the library. @throws where there is none, or no permission for FFI. */
export function openOle32(): Ole32 {
  return Deno.dlopen(system32("ole32.dll"), SYMBOLS).symbols;
}

/** `CLSCTX`: in this process; in another process of this machine. */
export const CLSCTX_INPROC_SERVER = 1, CLSCTX_LOCAL_SERVER = 4;
