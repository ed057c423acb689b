/**
 * portd on the PATH, as `deno task install` makes it: `bin/portd`, a launcher, and `lib/portd`, with all that it needs.
 * That is the bundle of this checkout, without packages, and the Deno that made it: another user of the machine can run
 * it, who may read neither this checkout nor our caches of Deno and npm, and it works where no deno is on the PATH.
 * `deno install --global` would make a launcher that needs all of these.
 */
import { RUN_FLAGS } from "../src/cli/context.ts";
import { ifThere, messageOf } from "../src/errors.ts";
import type { ServiceStatus } from "../src/service/service.ts";
import { VERSION } from "../src/version.ts";
import { bundle, writeConfig } from "./bundle.ts";

/** In every launcher that this file makes: nothing else is replaced or removed. */
const MARK = "made by deno task install";

/** Where an installation is. */
export interface Places {
  /** The folder of `bin` and `lib`, absolute. */
  readonly root: string;
  readonly bin: string;
  readonly launcher: string;
  readonly library: string;
}

/** The system for which portd is installed. */
export interface Target {
  readonly os: typeof Deno.build.os;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether the user is root: then portd is installed for everybody. */
  readonly isRoot: boolean;
}

/** The places below a folder. */
export function placesIn(root: string, os: Target["os"]): Places {
  const [slash, ending] = os === "windows" ? ["\\", ".cmd"] : ["/", ""];
  const bin = `${root}${slash}bin`;
  return { root, bin, launcher: `${bin}${slash}portd${ending}`, library: `${root}${slash}lib${slash}portd` };
}

/**
 * Where portd may be installed, the best place first: `DENO_INSTALL_ROOT`, for root `/usr/local`, else a folder of the
 * user whose `bin` is on the PATH.
 *
 * @throws {Error} when the environment names no home.
 */
export function possiblePlaces({ os, env, isRoot }: Target): readonly Places[] {
  const named = env.DENO_INSTALL_ROOT;
  if (named) return [placesIn(named, os)];
  if (isRoot) return [placesIn("/usr/local", os)];
  const variable = os === "windows" ? "USERPROFILE" : "HOME", home = env[variable];
  if (!home) throw new Error(`Cannot find your home folder: ${variable} is not set; name a folder with --root`);
  const roots = os === "windows" ? [`${home}\\.deno`] : [`${home}/.local`, `${home}/.deno`];
  const rank = ({ bin }: Places) => isOnPath(bin, { os, env }) ? 0 : 1;
  return roots.map((root) => placesIn(root, os)).sort((a, b) => rank(a) - rank(b));
}

/** Whether programs of a folder are found by their name. */
export function isOnPath(folder: string, { os, env }: Pick<Target, "os" | "env">): boolean {
  return foldersOnPath(env, os).includes(folder);
}

/** Another `portd` that comes before the launcher on the PATH. */
export function shadowOf({ bin, launcher }: Places, { os, env }: Pick<Target, "os" | "env">): string | undefined {
  const folders = foldersOnPath(env, os);
  return folders.slice(0, Math.max(0, folders.indexOf(bin)))
    .map((folder) => `${folder}${launcher.slice(bin.length)}`)
    .find((path) => ifThere(() => Deno.statSync(path).isFile));
}

function foldersOnPath(env: Target["env"], os: Target["os"]): string[] {
  return (env.PATH ?? env.Path ?? "").split(os === "windows" ? ";" : ":").map((folder) =>
    folder.replace(/(?<=.)[\\/]+$/, "")
  );
}

/**
 * The launcher: portd's permissions and V8 flags, and the Deno beside the bundle. `--quiet`, as nothing is downloaded, and
 * Deno's progress would clear the line of a terminal on which the command was called.
 */
export function launcherText({ library }: Places, os: Target["os"]): string {
  const flags = RUN_FLAGS.join(" ");
  if (os === "windows") {
    const folder = library.replaceAll("%", "%%");
    return `@rem portd ${VERSION}, ${MARK}\r\n@"${folder}\\deno.exe" run --quiet ${flags} "${folder}\\main.js" %*\r\n`;
  }
  const folder = library.replaceAll("'", `'\\''`);
  return `#!/bin/sh\n# portd ${VERSION}, ${MARK}\nexec '${folder}/deno' run --quiet ${flags} '${folder}/main.js' "$@"\n`;
}

/**
 * Installs portd, or replaces an installation. What is there stays until the new one has been made and has run.
 *
 * @throws {Error} when another program has the launcher's place, or the new portd does not run.
 */
export async function install(places: Places, os: Target["os"]): Promise<void> {
  const { bin, launcher, library } = places;
  refuseForeign(launcher);
  const draft = `${library}.new-${Deno.pid}`, old = `${library}.old-${Deno.pid}`;
  if (os !== "windows") Deno.umask(0o022); // everybody may read it
  try {
    await Deno.mkdir(draft, { recursive: true });
    await bundle(draft);
    await writeConfig(draft);
    const deno = `${draft}/${os === "windows" ? "deno.exe" : "deno"}`;
    await Deno.copyFile(Deno.execPath(), deno);
    if (os !== "windows") await Deno.chmod(deno, 0o755);
    await proveRuns(deno, draft);
    ifThere(() => Deno.renameSync(library, old));
    await Deno.rename(draft, library);
    await Deno.mkdir(bin, { recursive: true });
    await writeLauncher(launcher, launcherText(places, os));
  } finally {
    for (const folder of [draft, old]) ifThere(() => Deno.removeSync(folder, { recursive: true }));
  }
}

/** Removes an installation. @returns whether there was one. @throws {Error} when the launcher is another program. */
export function uninstall({ launcher, library }: Places): boolean {
  if (ifThere(() => Deno.lstatSync(launcher)) === undefined) return false;
  refuseForeign(launcher);
  Deno.removeSync(launcher);
  ifThere(() => Deno.removeSync(library, { recursive: true }));
  return true;
}

/**
 * Refuses to remove what a service of this machine or user runs: it would not start again.
 *
 * @param statusOf asks the system for the service of the user, or of the machine.
 * @returns why it is not known of a service, where the system cannot be asked: one sentence each.
 * @throws {Error} when a service runs from one of these places.
 */
export async function refuseIfService(
  places: readonly Places[],
  os: Target["os"],
  statusOf: (isUser: boolean) => Promise<ServiceStatus>,
): Promise<readonly string[]> {
  const unknown: string[] = [];
  for (const isUser of os === "windows" ? [false] : [false, true]) {
    const status = await statusOf(isUser).catch((error) => void unknown.push(messageOf(error)));
    const used = places.find(({ library }) => status?.command?.some((word) => word.includes(library)));
    if (used === undefined) continue;
    throw new Error(
      `Cannot remove ${used.library}: the service portd runs from it; portd service uninstall comes first`,
    );
  }
  return unknown;
}

function refuseForeign(launcher: string): void {
  const file = ifThere(() => Deno.lstatSync(launcher));
  if (file === undefined || (file.isFile && file.size < 10_000 && Deno.readTextFileSync(launcher).includes(MARK))) {
    return;
  }
  throw new Error(
    `Cannot touch ${launcher}: deno task install has not made it; remove it yourself, or name another folder with --root`,
  );
}

/** @throws {Error} when it does not print its version. */
async function proveRuns(deno: string, folder: string): Promise<void> {
  const args = ["run", ...RUN_FLAGS, `${folder}/main.js`, "version"];
  const { success, stdout, stderr } = await new Deno.Command(deno, { args, cwd: folder, stdin: "null" }).output();
  if (success && new TextDecoder().decode(stdout).trim().split(" ").includes(VERSION)) return;
  throw new Error(`Cannot install portd: it does not run: ${new TextDecoder().decode(stderr).trim()}`);
}

async function writeLauncher(path: string, text: string): Promise<void> {
  const draft = `${path}.new-${Deno.pid}`;
  await Deno.writeTextFile(draft, text);
  if (Deno.build.os !== "windows") await Deno.chmod(draft, 0o755);
  await Deno.rename(draft, path);
}
