/**
 * Runs `portd ARGS`, or with `--tests FILE` the tests of a file, under Wine with all rights. Wine gives programs the
 * weaker half of a user; its desktop has a call of its own to be a user who has no weaker half, and what it starts is
 * one too.
 */
import { PERMISSIONS } from "../../../src/cli/context.ts";
import { system32 } from "../../../src/os/windows/system32.ts";

const THIS_PROCESS = 0xffffffffffffffffn;
/** `ProcessWineGrantAdminToken` of Wine's winternl.h. */
const GRANT_ADMIN_TOKEN = 1002;

becomeAdministrator();
const main = new URL("../../../main.ts", import.meta.url).href;
const [first, file] = Deno.args;
const args = first === "--tests"
  ? ["test", "--no-prompt", "-A", "--no-check", "--cached-only", file!]
  : ["run", ...PERMISSIONS, "--cached-only", main, ...Deno.args];
const output = { stdin: "null", stdout: "inherit", stderr: "inherit" } as const;
Deno.exit(new Deno.Command(Deno.execPath(), { args, ...output }).outputSync().code);

function becomeAdministrator(): void {
  const ntdll = Deno.dlopen(system32("ntdll.dll"), {
    NtSetInformationProcess: { parameters: ["pointer", "u32", "pointer", "u32"], result: "i32" },
  });
  const process = Deno.UnsafePointer.create(THIS_PROCESS);
  const status = ntdll.symbols.NtSetInformationProcess(process, GRANT_ADMIN_TOKEN, null, 0);
  if (status !== 0) throw new Error(`Cannot become an administrator: status 0x${(status >>> 0).toString(16)}`);
}
