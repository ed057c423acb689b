/**
 * An administrator of the Windows under Wine. Follows the orders that come on stdin, one line of JSON each, and prints
 * each result as one line of JSON. Wine gives programs only the limited half of an administrator's rights; its desktop
 * has a call of its own to get all of them, and what a program starts inherits them.
 */
import { system32 } from "../../../src/os/windows/system32.ts";
import type { Outcome } from "./installation.ts";
import { linesOf } from "./lines.ts";

/** What it can be ordered to do, by the name of the order, with what it answers. */
export interface Orders {
  /** Runs `deno.exe ARGS` to its end. */
  deno(args: readonly string[]): Outcome;
  /** Describes the service, with Wine's own programs. */
  look(stateDir: string): Witness;
  kill(pid: number): null;
  write(file: { readonly path: string; readonly text: string }): null;
}

/** What Wine's own programs say of the service. */
export interface Witness {
  /** `STATE: 4 RUNNING` and such of `sc.exe query portd`; empty where sc.exe knows no such service. */
  readonly query: Readonly<Record<string, string>>;
  /** The values that `reg.exe query` shows, as `name type data`; `undefined` where there is no such key. */
  readonly service: readonly string[] | undefined;
  readonly parameters: readonly string[] | undefined;
  readonly eventSource: readonly string[] | undefined;
  /** The names in the state folder. */
  readonly files: readonly string[];
}

const SERVICES = "HKLM\\SYSTEM\\CurrentControlSet\\Services";
const THIS_PROCESS = 0xffffffffffffffffn;
/** `ProcessWineGrantAdminToken` of Wine's winternl.h. */
const GRANT_ADMIN_TOKEN = 1002;

const ORDERS: Orders = {
  deno: (args) => run(Deno.execPath(), ...args),
  look: (stateDir) => ({
    query: queryService(),
    service: valuesOf(`${SERVICES}\\portd`),
    parameters: valuesOf(`${SERVICES}\\portd\\Parameters`),
    eventSource: valuesOf(`${SERVICES}\\EventLog\\Application\\portd`),
    files: [...Deno.readDirSync(stateDir)].map(({ name }) => name).sort(),
  }),
  kill(pid) {
    Deno.kill(pid, "SIGKILL");
    return null;
  },
  write({ path, text }) {
    Deno.writeTextFileSync(path, text);
    return null;
  },
};

if (import.meta.main) {
  becomeAdministrator();
  for await (const line of linesOf(Deno.stdin.readable)) {
    const { name, argument } = JSON.parse(line) as { readonly name: keyof Orders; readonly argument: never };
    console.log(JSON.stringify(ORDERS[name](argument)));
  }
}

/** Gives this process all rights of an administrator. */
export function becomeAdministrator(): void {
  const ntdll = Deno.dlopen(system32("ntdll.dll"), {
    NtSetInformationProcess: { parameters: ["pointer", "u32", "pointer", "u32"], result: "i32" },
  });
  const process = Deno.UnsafePointer.create(THIS_PROCESS);
  const status = ntdll.symbols.NtSetInformationProcess(process, GRANT_ADMIN_TOKEN, null, 0);
  if (status !== 0) throw new Error(`Cannot become an administrator: status 0x${(status >>> 0).toString(16)}`);
}

function queryService(): Record<string, string> {
  const { stdout } = run(system32("sc.exe"), "query", "portd");
  const pairs = stdout.split(/\r?\n/).flatMap((line) => {
    const [, name, value] = /^\s*(\w+)\s*:\s*(.*?)\s*$/.exec(line) ?? [];
    return name === undefined ? [] : [[name, value!.replaceAll(/\s+/g, " ")] as const];
  });
  return Object.fromEntries(pairs);
}

function valuesOf(key: string): string[] | undefined {
  const { code, stdout } = run(system32("reg.exe"), "query", key);
  if (code !== 0) return undefined;
  return stdout.split(/\r?\n/).filter((line) => /^ {4}\S/.test(line)).map((line) =>
    line.trim().split(/ {4}/).join(" ")
  );
}

function run(program: string, ...args: readonly string[]): Outcome {
  const { code, stdout, stderr } = new Deno.Command(program, { args: [...args], stdin: "null" }).outputSync();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}
