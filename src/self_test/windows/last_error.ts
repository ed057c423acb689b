/** `lasterror`: whether `GetLastError` still has the error of the call before when it is asked. */
import type { Advapi32Services } from "../../os/windows/advapi32.ts";
import { SC_MANAGER_CONNECT, SERVICE_QUERY_STATUS } from "../../os/windows/advapi32.ts";
import { system32 } from "../../os/windows/system32.ts";
import { wideText } from "../../os/windows/wide_text.ts";
import { ERROR_SERVICE_DOES_NOT_EXIST } from "../../os/windows/win32_error.ts";
import { PREFIX } from "../artefact.ts";
import { type Item, type Outcome, verdict } from "../self_test.ts";

const SYMBOLS = {
  /** `HANDLE OpenProcess(DWORD access, BOOL inherit, DWORD pid)`; null when refused */
  OpenProcess: { parameters: ["u32", "i32", "u32"], result: "pointer" },
  /** `DWORD GetLastError(void)` */
  GetLastError: { parameters: [], result: "u32" },
} as const satisfies Deno.ForeignLibraryInterface;
/** `PROCESS_QUERY_LIMITED_INFORMATION` and `ERROR_INVALID_PARAMETER`. */
const QUERY = 0x1000, NO_SUCH_PROCESS = 87;
const ROUNDS = 10_000, LIMIT_MS = 5000;
/** No process has it: pids are small. */
const NO_PID = 0x7ffffff0;

/** What the item calls. */
export interface LastErrorParts {
  readonly services: Advapi32Services;
  readonly tag: string;
}

/** The item. */
export function lastErrorItem(parts: LastErrorParts): Item {
  return {
    id: "lasterror",
    does: "open a process and a service that there are not, again and again",
    run: () => Promise.resolve(testLastError(parts)),
  };
}

function testLastError({ services, tag }: LastErrorParts): Outcome {
  const { OpenProcess, GetLastError } = Deno.dlopen(system32("kernel32.dll"), SYMBOLS).symbols;
  const process = count(GetLastError, NO_SUCH_PROCESS, () => OpenProcess(QUERY, 0, NO_PID));
  const manager = services.OpenSCManagerW(null, null, SC_MANAGER_CONNECT);
  if (manager === null) throw new Error("Cannot open the list of services");
  try {
    const name = wideText(`${PREFIX}${tag}-absent`);
    const service = count(GetLastError, ERROR_SERVICE_DOES_NOT_EXIST, () => {
      return services.OpenServiceW(manager, name, SERVICE_QUERY_STATUS);
    });
    const wrong = process.wrong + service.wrong;
    return verdict(wrong === 0 ? [] : [`${wrong} errors are not those of the call before`], { process, service });
  } finally {
    services.CloseServiceHandle(manager);
  }
}

/** Calls again and again what must fail with this error; fewer times where a call is slow. */
function count(GetLastError: () => number, expected: number, call: () => Deno.PointerValue) {
  const start = performance.now(), others = new Map<number, number>();
  let rounds = 0, wrong = 0;
  for (; rounds < ROUNDS && performance.now() - start < LIMIT_MS; rounds++) {
    const isFailed = call() === null, error = isFailed ? GetLastError() : 0;
    if (error === expected) continue;
    wrong++;
    others.set(error, (others.get(error) ?? 0) + 1);
  }
  return { rounds, wrong, others: Object.fromEntries(others) };
}
