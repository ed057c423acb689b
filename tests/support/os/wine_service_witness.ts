/**
 * What Wine's own programs say about the service, printed by Deno for Windows as JSON; and what an operator does without
 * portd. tests/os/wine_service_test.ts starts it.
 */
import { system32 } from "../../../src/os/windows/system32.ts";

/** What it prints. */
export interface Witness {
  /** `STATE: 4 RUNNING` and such of `sc.exe query portd`; empty where sc.exe knows no such service. */
  readonly query: Readonly<Record<string, string>>;
  /** What `reg.exe query` prints of the keys, as `name type data`; `undefined` where there is no such key. */
  readonly service: readonly string[] | undefined;
  readonly parameters: readonly string[] | undefined;
  readonly eventSource: readonly string[] | undefined;
  /** The names in the state folder. */
  readonly files: readonly string[];
}

const SERVICES = "HKLM\\SYSTEM\\CurrentControlSet\\Services";

const [verb, word] = Deno.args;
if (verb === "look") console.log(JSON.stringify(look(word!)));
else if (verb === "kill") Deno.kill(Number(word), "SIGKILL");
else if (verb === "write") Deno.writeTextFileSync(word!, Deno.args[2]!);

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
