/** user32.dll of Windows: the windows on the desktop of this process. */
import { system32 } from "./system32.ts";

const SYMBOLS = {
  /** `HWND GetTopWindow(HWND parent)`; null where there is none, or no desktop */
  GetTopWindow: { parameters: ["pointer"], result: "pointer" },
  /** `HWND GetWindow(HWND, UINT relation)`; null at the end */
  GetWindow: { parameters: ["pointer", "u32"], result: "pointer" },
  /** `BOOL IsWindowVisible(HWND)` */
  IsWindowVisible: { parameters: ["pointer"], result: "i32" },
  /** `int GetClassNameW(HWND, WCHAR *, int characters)`; the length, 0 when it fails */
  GetClassNameW: { parameters: ["pointer", "buffer", "i32"], result: "i32" },
  /** `DWORD GetWindowThreadProcessId(HWND, DWORD *pid)` */
  GetWindowThreadProcessId: { parameters: ["pointer", "buffer"], result: "u32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The opened library. */
export type User32 = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** Opens the library. @throws where there is none, or no permission for FFI. */
export function openUser32(): User32 {
  return Deno.dlopen(system32("user32.dll"), SYMBOLS).symbols;
}

/** Of `GetWindow`: the window below this one, winuser.h. */
export const GW_HWNDNEXT = 2;
