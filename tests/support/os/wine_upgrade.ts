/**
 * Installs a program as the service, as a compiled portd does with itself, and prints what came of it as JSON. An
 * administrator under Wine runs it: `deno run wine_upgrade.ts SOURCE LISTEN [RUNNING]`. With RUNNING the old
 * program runs meanwhile with these arguments, until it is ended.
 */
import { ifThere } from "../../../src/errors.ts";
import { runSteps, type ServiceState } from "../../../src/service/service.ts";
import { WindowsServiceControl } from "../../../src/service/windows/service_control.ts";
import { requireWine } from "./wine_only.ts";

/** What came of it. */
export interface UpgradeOutcome {
  /** What the steps that were begun do. */
  readonly steps: readonly string[];
  /** The message of the failure; `undefined` where there was none. */
  readonly error?: string;
  readonly state: ServiceState;
  readonly program: string | undefined;
  readonly standardHandles: readonly string[] | undefined;
  /** What the programs have printed so far. */
  readonly output: string;
  /** The names in the folder of the program, with the first 16 hexadecimal digits of their sha256. */
  readonly files: Readonly<Record<string, string>>;
}

/** What it installs. Its state folder is the default one. */
const FOLDER = "C:\\Program Files\\portd", STATE_DIR = "C:\\ProgramData\\portd", OUTPUT = "C:\\portd-output.log";

if (import.meta.main) {
  requireWine("install services");
  const [source = "", listen = "", ...running] = Deno.args;
  console.log(JSON.stringify(await upgrade(source, { listen, running })));
}

async function upgrade(
  source: string,
  { listen, running }: { readonly listen: string; readonly running: readonly string[] },
): Promise<UpgradeOutcome> {
  const control = new WindowsServiceControl(), steps: string[] = [];
  const user = running.length === 0 ? undefined : new Deno.Command(`${FOLDER}\\portd.exe`, {
    args: [...running],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  let error: string | undefined;
  try {
    const words = ["--state-dir", STATE_DIR, "--listen", listen];
    const todo = await control.install({ self: [source], words, stateDir: STATE_DIR, reserve: [] });
    await runSteps(todo, ({ does }) => void steps.push(does));
  } catch (failure) {
    error = String(failure);
  } finally {
    user?.kill("SIGKILL");
    await user?.status;
  }
  const { state, command, standardHandles } = await control.status();
  const files = Object.fromEntries(await Promise.all(names().map(async (name) => [name, await digest(name)] as const)));
  const output = ifThere(() => Deno.readTextFileSync(OUTPUT)) ?? "";
  return { steps, ...(error !== undefined && { error }), state, program: command?.[0], standardHandles, output, files };
}

function names(): string[] {
  return [...Deno.readDirSync(FOLDER)].map(({ name }) => name).sort();
}

async function digest(name: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", await Deno.readFile(`${FOLDER}\\${name}`));
  return Array.from(new Uint8Array(hash, 0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
