/** Where Deno keeps modules: a service that Deno runs from source has another home folder, and must be given the place. */

/** The folder of Deno's modules for this environment; `undefined` where it names none. Docs: `deno info`, DENO_DIR. */
export function denoDirOf(
  os: typeof Deno.build.os,
  { DENO_DIR, HOME, LOCALAPPDATA, XDG_CACHE_HOME }: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if (DENO_DIR) return DENO_DIR;
  if (os === "windows") return LOCALAPPDATA ? `${LOCALAPPDATA}\\deno` : undefined;
  if (os !== "darwin" && XDG_CACHE_HOME) return `${XDG_CACHE_HOME}/deno`;
  return HOME ? `${HOME}/${os === "darwin" ? "Library/Caches" : ".cache"}/deno` : undefined;
}

/** Variables by which Deno finds its modules on Linux. */
const LINUX_VARIABLES = ["HOME", "DENO_DIR", "XDG_CACHE_HOME", "NPM_CONFIG_REGISTRY"];

/** The variables that a service from source gets, so that it finds the modules that this environment has. */
export function moduleEnvironment(
  os: typeof Deno.build.os,
  env: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  const { NPM_CONFIG_REGISTRY } = env;
  const variables: Readonly<Record<string, string | undefined>> = os === "linux"
    ? Object.fromEntries(LINUX_VARIABLES.map((name) => [name, env[name]]))
    : { DENO_DIR: denoDirOf(os, env), ...(os === "windows" && { NPM_CONFIG_REGISTRY }) };
  // Everybody can read a unit, so no password may be in it.
  const isFit = (value: string) => value !== "" && (os !== "linux" || !value.includes("@"));
  return Object.fromEntries(
    Object.entries(variables).flatMap(([name, value = ""]) => isFit(value) ? [[name, value]] : []),
  );
}
