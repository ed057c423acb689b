/**
 * The three manifests for winget, in version 1.10.0 of its schemas (schemas/JSON/manifests of winget-cli). The program is
 * a "portable": winget downloads it, checks its hash and puts it on the PATH under the name in Commands.
 */
import { stringify } from "yaml";
import { type BuiltProgram, DESCRIPTION, NAME, SUMMARY, VERSION } from "../description.ts";
import { downloadAddress, type Settings } from "../settings.ts";

const MANIFEST_VERSION = "1.10.0";
const LOCALE = "en-US";

/** The manifests by their paths in winget's repository; none where there is no program for Windows. */
export function wingetManifests(programs: readonly BuiltProgram[], settings: Settings): ReadonlyMap<string, string> {
  const own = programs.filter(({ os }) => os === "win32");
  if (own.length === 0) return new Map();
  const { wingetId } = settings;
  const folder = ["manifests", wingetId[0]!.toLowerCase(), ...wingetId.split("."), VERSION].join("/");
  const manifest = (type: string, fields: object) =>
    `# yaml-language-server: $schema=https://aka.ms/winget-manifest.${type}.${MANIFEST_VERSION}.schema.json\n${
      stringify({
        PackageIdentifier: wingetId,
        PackageVersion: VERSION,
        ...fields,
        ManifestType: type,
        ManifestVersion: MANIFEST_VERSION,
      }, { lineWidth: 0 })
    }`;
  return new Map([
    [`${folder}/${wingetId}.yaml`, manifest("version", { DefaultLocale: LOCALE })],
    [`${folder}/${wingetId}.installer.yaml`, manifest("installer", installer(own, settings))],
    [`${folder}/${wingetId}.locale.${LOCALE}.yaml`, manifest("defaultLocale", locale(settings))],
  ]);
}

function installer(programs: readonly BuiltProgram[], settings: Settings): object {
  return {
    Platform: ["Windows.Desktop"],
    MinimumOSVersion: "10.0.17763.0", // the oldest that install.ps1 and the service are for
    InstallerType: "portable",
    Commands: [NAME],
    Installers: programs.map(({ cpu, file, sha256 }) => ({
      Architecture: cpu,
      InstallerUrl: downloadAddress(settings, VERSION, file),
      InstallerSha256: sha256.toUpperCase(),
    })),
  };
}

function locale({ publisher, homepage, licence }: Settings): object {
  return {
    PackageLocale: LOCALE,
    Publisher: publisher,
    PackageName: NAME,
    PackageUrl: homepage,
    License: licence,
    ShortDescription: SUMMARY,
    Description: DESCRIPTION.join("\n"),
    Moniker: NAME,
    Tags: ["development", "ports"],
  };
}
