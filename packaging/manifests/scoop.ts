/**
 * The manifest for scoop, as its wiki ("App Manifests") and its schema.json describe it. The
 * program is downloaded as it is; what stands behind `#/` is the name that it gets.
 */
import { type BuiltProgram, NAME, SUMMARY, VERSION } from "../description.ts";
import { downloadAddress, type Settings } from "../settings.ts";

/** Its names of processors. */
const ARCHITECTURES = { x64: "64bit", arm64: "arm64" } as const;

/** The text of `portd.json`; `undefined` where there is no program for Windows. */
export function scoopManifest(programs: readonly BuiltProgram[], settings: Settings): string | undefined {
  const own = programs.filter(({ os }) => os === "win32");
  if (own.length === 0) return undefined;
  const architecture = Object.fromEntries(own.map(({ cpu, file, sha256 }) => [ARCHITECTURES[cpu], {
    url: `${downloadAddress(settings, VERSION, file)}#/${NAME}.exe`,
    hash: sha256,
  }]));
  return `${
    JSON.stringify(
      {
        version: VERSION,
        description: SUMMARY,
        homepage: settings.homepage,
        license: settings.licence,
        architecture,
        bin: `${NAME}.exe`,
        notes: `A running daemon keeps the program open: ${NAME} stop comes before scoop update and scoop uninstall.`,
      },
      null,
      4,
    )
  }\n`;
}
