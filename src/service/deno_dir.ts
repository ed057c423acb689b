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
