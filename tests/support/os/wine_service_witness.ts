/**
 * What Wine's own programs tell of the service, told by Deno for Windows as JSON; and what an operator does without
 * portd. tests/os/wine_service_test.ts starts it.
 */
import { openAdvapi32Services } from "../../../src/os/windows/advapi32.ts";
import { system32 } from "../../../src/os/windows/system32.ts";
import { wideText } from "../../../src/os/windows/wide_text.ts";

/** What it tells. */
export interface Witness {
  /** `STATE: 4 RUNNING` and such of `sc.exe query portd`; empty where sc.exe knows no such service. */
  readonly query: Readonly<Record<string, string>>;
  /** What `reg.exe query` tells of the keys, as `name type data`; `undefined` where there is no such key. */
  readonly service: readonly string[] | undefined;
  readonly parameters: readonly string[] | undefined;
  readonly eventSource: readonly string[] | undefined;
  /** The names in the state folder. */
  readonly files: readonly string[];
}

const SERVICES = "HKLM\\SYSTEM\\CurrentControlSet\\Services";
const SC_MANAGER_CONNECT = 1, SERVICE_PAUSE_CONTINUE = 0x40, SERVICE_CONTROL_PARAMCHANGE = 6;

const [verb, word] = Deno.args;
if (verb === "look") console.log(JSON.stringify(look(word!)));
else if (verb === "kill") Deno.kill(Number(word), "SIGKILL");
else if (verb === "write") Deno.writeTextFileSync(word!, Deno.args[2]!);
else if (verb === "paramchange") tellParamChange();

function look(stateDir: string): Witness {
  const { stdout } = run("sc.exe", "query", "portd");
  const pairs = stdout.split(/\r?\n/).flatMap((line) => {
    const [, name, value] = /^\s*(\w+)\s*:\s*(.*?)\s*$/.exec(line) ?? [];
    return name === undefined ? [] : [[name, value!.replaceAll(/\s+/g, " ")] as const];
  });
  return {
    query: Object.fromEntries(pairs),
    service: valuesOf(`${SERVICES}\\portd`),
    parameters: valuesOf(`${SERVICES}\\portd\\Parameters`),
    eventSource: valuesOf(`${SERVICES}\\EventLog\\Application\\portd`),
    files: [...Deno.readDirSync(stateDir)].map(({ name }) => name).sort(),
  };
}

function valuesOf(key: string): string[] | undefined {
  const { code, stdout } = run("reg.exe", "query", key);
  if (code !== 0) return undefined;
  return stdout.split(/\r?\n/).filter((line) => /^ {4}\S/.test(line)).map((line) =>
    line.trim().split(/ {4}/).join(" ")
  );
}

function run(program: string, ...args: readonly string[]) {
  const { code, stdout } = new Deno.Command(system32(program), { args: [...args], stdin: "null" }).outputSync();
  return { code, stdout: new TextDecoder().decode(stdout) };
}

/** Wine's sc.exe has no `control`. */
function tellParamChange(): void {
  const { OpenSCManagerW, OpenServiceW, ControlService } = openAdvapi32Services();
  const manager = OpenSCManagerW(null, null, SC_MANAGER_CONNECT);
  const service = OpenServiceW(manager, wideText("portd"), SERVICE_PAUSE_CONTINUE);
  if (ControlService(service, SERVICE_CONTROL_PARAMCHANGE, new Uint32Array(7)) === 0) Deno.exit(1);
}
