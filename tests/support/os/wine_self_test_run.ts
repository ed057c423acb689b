/**
 * A program that Deno for Windows runs under Wine, as an administrator: `wine_self_test_run.ts ORDER ARGUMENT`. It follows
 * one order about self-tests and prints the answer as one line of JSON.
 */
import { LOCAL_RULES } from "../../../src/firewall/windows/policy.ts";
import { WindowsRegistry } from "../../../src/os/windows/registry.ts";
import { system32 } from "../../../src/os/windows/system32.ts";
import { retryUntil } from "../../../src/wait.ts";
import type { Outcome } from "./installation.ts";
import { becomeAdministrator } from "./wine_administrator.ts";
import { WineFirewall } from "./wine_firewall_host.ts";
import { requireWine } from "./wine_only.ts";

/** What of self-tests is on the machine. */
export interface Leftovers {
  readonly folders: readonly string[];
  readonly services: readonly string[];
  /** Names of rules. */
  readonly rules: readonly string[];
}

/** What it can be ordered to do. */
export interface SelfTestOrders {
  /** Runs `deno.exe WORDS` as an administrator. */
  run(words: readonly string[]): Promise<Outcome>;
  /** Starts `deno.exe WORDS`, kills it as soon as a self-test has made a file, and answers what is left. */
  kill(order: { readonly words: readonly string[]; readonly file: string }): Promise<Leftovers>;
  /** Replaces the firewall's COM classes by those of firewall_com_server.c, and adds a rule of somebody else. */
  firewall(argument: null): null;
  look(argument: null): Promise<Leftovers>;
}

const NAME = /portd-selftest-[0-9a-f]{16}/;
const LIMIT_MS = 300_000, PAUSE_MS = 5;
const SERVICES = "HKLM\\SYSTEM\\CurrentControlSet\\Services";

const ORDERS: SelfTestOrders = {
  async run(words) {
    const { code, stdout, stderr } = await command(words).output();
    return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
  },
  async kill({ words, file }) {
    const run = command(words).spawn();
    const isThere = () => folders().some((folder) => exists(`${folder}\\${file}`));
    const isMade = await retryUntil(isThere, { pauseMs: PAUSE_MS, limitMs: LIMIT_MS });
    if (!isMade) throw new Error(`Cannot kill a self-test: it makes no ${file}`);
    run.kill("SIGKILL");
    await Promise.all([run.status, run.stdout.cancel(), run.stderr.cancel()]);
    return await ORDERS.look(null);
  },
  firewall() {
    const firewall = new WineFirewall(); // not disposed of: the classes stay
    firewall.set("{0}", "v2.33|Action=Allow|Active=TRUE|Dir=In|Name=portd-selftest of somebody|EmbedCtxt=others|");
    return null;
  },
  async look() {
    const listed = new Deno.Command(system32("reg.exe"), { args: ["query", SERVICES] }).outputSync();
    const rules = await new WindowsRegistry().texts(LOCAL_RULES) ?? [];
    return {
      folders: folders(),
      services: new TextDecoder().decode(listed.stdout).split(/\r?\n/).flatMap((line) => NAME.exec(line)?.[0] ?? []),
      rules: rules.flatMap(({ text }) => NAME.exec(text)?.[0] ?? []),
    };
  },
};

function command(words: readonly string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), { args: [...words], stdin: "null", stdout: "piped", stderr: "piped" });
}

/** The folders of self-tests: those for temporary files, and those below ProgramData. */
function folders(): string[] {
  return [Deno.env.get("TEMP")!, Deno.env.get("ProgramData")!].flatMap((parent) =>
    [...Deno.readDirSync(parent)].flatMap(({ name }) => NAME.test(name) ? [`${parent}\\${name}`] : [])
  );
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path) !== undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

if (import.meta.main) {
  requireWine("change its firewall and its services");
  becomeAdministrator();
  const [name = "", argument = "null"] = Deno.args;
  console.log(JSON.stringify(await ORDERS[name as keyof SelfTestOrders](JSON.parse(argument) as never)));
}
