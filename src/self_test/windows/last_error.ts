/** `lasterror`: whether `GetLastError` still has the error of the call before when it is asked. */
import type { Advapi32Services } from "../../os/windows/advapi32.ts";
import { SC_MANAGER_CONNECT, SERVICE_QUERY_STATUS } from "../../os/windows/advapi32.ts";
import { type Kernel32, PROCESS_QUERY_LIMITED_INFORMATION } from "../../os/windows/kernel32.ts";
import { wideText } from "../../os/windows/wide_text.ts";
import { ERROR_INVALID_PARAMETER, ERROR_SERVICE_DOES_NOT_EXIST } from "../../os/windows/win32_error.ts";
import { PREFIX } from "../artefact.ts";
import { type Item, type Outcome, verdict } from "../self_test.ts";

const ROUNDS = 10_000, LIMIT_MS = 5000;
/** No process has it: pids are small. */
const NO_PID = 0x7ffffff0;

/** What the item calls. */
export interface LastErrorParts {
  readonly kernel32: Kernel32;
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

function testLastError({ kernel32, services, tag }: LastErrorParts): Outcome {
  const process = count(kernel32, ERROR_INVALID_PARAMETER, () => {
    return kernel32.OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, NO_PID);
  });
  const manager = services.OpenSCManagerW(null, null, SC_MANAGER_CONNECT);
  if (manager === null) throw new Error("Cannot open the list of services");
  try {
    const name = wideText(`${PREFIX}${tag}-absent`);
    const service = count(kernel32, ERROR_SERVICE_DOES_NOT_EXIST, () => {
      return services.OpenServiceW(manager, name, SERVICE_QUERY_STATUS);
    });
    const wrong = process.wrong + service.wrong;
    return verdict(wrong === 0 ? [] : [`${wrong} errors are not those of the call before`], { process, service });
  } finally {
    services.CloseServiceHandle(manager);
  }
}

/** Calls again and again what must fail with this error; fewer times where a call is slow. */
function count({ GetLastError }: Kernel32, expected: number, call: () => Deno.PointerValue) {
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
