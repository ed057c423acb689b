/** Where portd keeps its file, its token and its address when nobody says otherwise. */

/**
 * The default state folder, absolute; it need not exist.
 *
 * @param os as `Deno.build.os` tells it.
 * @param env the environment; `XDG_STATE_HOME`, `HOME`, `LOCALAPPDATA` and `USERPROFILE` are looked at.
 * @param isRoot whether the user is root; false on Windows.
 * @throws {Error} when the environment names no home.
 */
export function defaultStateDir(
  os: typeof Deno.build.os,
  env: Readonly<Record<string, string | undefined>>,
  isRoot: boolean,
): string {
  if (os === "windows") {
    if (env.LOCALAPPDATA) return `${env.LOCALAPPDATA}\\portd`;
    return `${homeOf(env, "USERPROFILE")}\\AppData\\Local\\portd`;
  }
  if (os === "darwin") return `${homeOf(env, "HOME")}/Library/Application Support/portd`;
  // The XDG base directory specification: a relative path is invalid and to be ignored.
  if (env.XDG_STATE_HOME?.startsWith("/")) return `${env.XDG_STATE_HOME}/portd`;
  return isRoot ? "/var/lib/portd" : `${homeOf(env, "HOME")}/.local/state/portd`;
}

/**
 * The state folder of the service of the system, absolute; that of a user's service is {@linkcode defaultStateDir}.
 *
 * @param env on Windows `ProgramData` is looked at.
 * @throws {Error} when the environment does not name it.
 */
export function serviceStateDir(
  os: typeof Deno.build.os,
  env: Readonly<Record<string, string | undefined>>,
): string {
  if (os === "darwin") return "/Library/Application Support/portd";
  if (os !== "windows") return "/var/lib/portd";
  const folder = env.ProgramData ?? env.PROGRAMDATA;
  if (folder) return `${folder}\\portd`;
  throw new Error("Cannot find the state folder of the service: ProgramData is not set; pass --state-dir");
}

function homeOf(env: Readonly<Record<string, string | undefined>>, variable: string): string {
  const home = env[variable];
  if (home) return home;
  throw new Error(`Cannot find the state folder: ${variable} is not set; set PORTD_STATE_DIR`);
}
