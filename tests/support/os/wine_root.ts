/**
 * Wine 10 with Deno for Windows: Debian 13 in a folder, made by debootstrap, which checks the archive's signature; the
 * Wine of Debian 12 is too old for Deno. The first time takes about a minute and a half, and 2 GB.
 */
import { digestOf, fileOfPackage, obtainFolder } from "./cache.ts";
import { DEBIAN_ROOT, makeDebian } from "./debian_root.ts";
import { type Requirement, tools, x64 } from "./requirement.ts";
import { runTool } from "./tool.ts";

const SUITE = "trixie";
const DENO_PACKAGE = "@deno/win32-x64@2.9.5";
const DENO_SHA256 = "98f8c2a2d470e4ccb04c935c86ff8050817d877762aec5eaeeb9e409ccb3b9fd";
/** To be changed with anything that makes the root another. */
const RECIPE = "debian13-deno2.9.5-3";

/** What a test needs that runs programs of Windows. */
export const WINE: readonly Requirement[] = [...DEBIAN_ROOT, x64, tools("nsenter", "npm", "tar")];

/** Folders in the root, as programs of Linux see them. */
export const BOX = "/box", PREFIX = "/prefix";
/** Deno for Windows, as programs of Windows see it. */
export const DENO_EXE = `Z:\\box\\deno.exe`;

/** What runs a program of Windows, in the root. */
export const WINE64 = "/usr/lib/wine/wine64";
const WINESERVER = "/usr/lib/wine/wineserver64";

/** The whole environment of Wine; programs of Windows get it too. */
export const WINE_ENV: Readonly<Record<string, string>> = {
  HOME: "/root",
  PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
  WINEPREFIX: PREFIX,
  WINEDEBUG: "-all",
  XDG_RUNTIME_DIR: "/tmp",
  NO_COLOR: "1",
};

/** Answers the folder of the root, in which nothing may be written. */
export async function obtainWineRoot(): Promise<string> {
  return await obtainFolder(`wine-${RECIPE}`, async (folder) => {
    await makeDebian(folder, SUITE, ["wine64"]);
    await addDeno(`${folder}${BOX}`);
    await makePrefix(folder);
  });
}

async function addDeno(folder: string): Promise<void> {
  await Deno.mkdir(folder);
  const program = await fileOfPackage(DENO_PACKAGE, "deno.exe", folder);
  const digest = await digestOf(program);
  if (digest !== DENO_SHA256) throw new Error(`Cannot use deno.exe of ${DENO_PACKAGE}: its sha256 is ${digest}`);
  await Deno.rename(program, `${folder}/deno.exe`);
}

/** Makes Wine's folder of drive C and of the registry, and waits until the registry is written. */
async function makePrefix(folder: string): Promise<void> {
  const env = WINE_ENV;
  const wine = [`--root=${folder}`, "--mount", "--mount-proc", WINE64];
  await runTool("unshare", [...wine, "wineboot", "-i"], { env });
  // Wine waits only ten seconds for a service to start, which is too short on a busy machine. It reads the time as text.
  const timeout = ["HKLM\\System\\CurrentControlSet\\Control", "/v", "ServicesPipeTimeout", "/t", "REG_SZ"];
  await runTool("unshare", [...wine, "reg.exe", "add", ...timeout, "/d", "300000"], { env });
  await runTool("chroot", [folder, WINESERVER, "-w"], { env });
}
