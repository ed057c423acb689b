/**
 * The manifests, by the rules of those who read them: scoop's schema.json; winget's schemas 1.10.0 for the installer, the
 * default locale and the version; Homebrew's formula is also read by Ruby in tests/os/homebrew_test.ts.
 */
import assert from "node:assert/strict";
import { parse } from "yaml";
import { VERSION } from "../../packaging/description.ts";
import { homebrewFormula } from "../../packaging/manifests/homebrew.ts";
import { scoopManifest } from "../../packaging/manifests/scoop.ts";
import { wingetManifests } from "../../packaging/manifests/winget.ts";
import { PROGRAMS, SETTINGS } from "../support/packaging.ts";

const addressOf = (file: string) => `https://example.org/portd/${VERSION}/${file}`;
const programOf = (name: string) => PROGRAMS.find((program) => program.name === name)!;

Deno.test("scoop gets the program of each processor under one name, with its hash", () => {
  const { architecture, ...manifest } = JSON.parse(scoopManifest(PROGRAMS, SETTINGS)!);
  // The members that the schema knows, of which these must be there.
  assert.deepEqual(Object.keys(manifest).sort(), ["bin", "description", "homepage", "license", "notes", "version"]);
  assert.deepEqual([manifest.version, manifest.bin, manifest.license], [VERSION, "portd.exe", "MIT"]);
  assert.deepEqual(Object.keys(architecture), ["64bit", "arm64"]);
  for (const [processor, name] of [["64bit", "windows-x64"], ["arm64", "windows-arm64"]] as const) {
    const { file, sha256 } = programOf(name);
    assert.deepEqual(architecture[processor], { url: `${addressOf(file)}#/portd.exe`, hash: sha256 });
    assert.match(sha256, /^[a-f0-9]{64}$/);
  }
});

Deno.test("winget gets three manifests of one version, in the folder that its repository asks for", () => {
  const manifests = wingetManifests(PROGRAMS, SETTINGS);
  const folder = `manifests/a/AnExample/portd/${VERSION}`;
  assert.deepEqual([...manifests.keys()], [
    `${folder}/AnExample.portd.yaml`,
    `${folder}/AnExample.portd.installer.yaml`,
    `${folder}/AnExample.portd.locale.en-US.yaml`,
  ]);
  const types = ["version", "installer", "defaultLocale"];
  for (const [i, text] of [...manifests.values()].entries()) {
    const manifest = parse(text);
    assert.deepEqual(
      [manifest.PackageIdentifier, manifest.PackageVersion, manifest.ManifestType, manifest.ManifestVersion],
      ["AnExample.portd", VERSION, types[i], "1.10.0"],
    );
    assert.equal(typeof manifest.PackageVersion, "string");
  }
});

Deno.test("winget's installer is the program itself, with its hash, for each processor", () => {
  const text = [...wingetManifests(PROGRAMS, SETTINGS)].find(([path]) => path.endsWith(".installer.yaml"))![1];
  const { InstallerType, Commands, Installers } = parse(text);
  assert.deepEqual([InstallerType, Commands], ["portable", ["portd"]]);
  assert.deepEqual(
    Installers,
    ["windows-x64", "windows-arm64"].map(programOf).map(({ cpu, file, sha256 }) => ({
      Architecture: cpu,
      InstallerUrl: addressOf(file),
      InstallerSha256: sha256.toUpperCase(),
    })),
  );
});

Deno.test("winget's text keeps to the lengths of the schema, and says nothing that is not known", () => {
  const text = [...wingetManifests(PROGRAMS, SETTINGS)].find(([path]) => path.includes(".locale."))![1];
  const manifest = parse(text);
  assert.ok(manifest.ShortDescription.length >= 3 && manifest.ShortDescription.length <= 256);
  assert.ok(manifest.Tags.every((tag: string) => tag.length <= 40));
  assert.deepEqual([manifest.Publisher, manifest.License, manifest.PackageUrl], [
    SETTINGS.publisher,
    SETTINGS.licence,
    SETTINGS.homepage,
  ]);
});

Deno.test("a hostile publisher stays a text in YAML", () => {
  const publisher = "- a: #b ${c} 'd' & *e ! |";
  const text =
    [...wingetManifests(PROGRAMS, { ...SETTINGS, publisher })].find(([path]) => path.includes(".locale."))![1];
  assert.equal(parse(text).Publisher, publisher);
});

Deno.test("where there is no program for a system, it gets no manifest", () => {
  const linux = [programOf("linux-x64")], windows = [programOf("windows-x64")];
  assert.deepEqual([scoopManifest(linux, SETTINGS), wingetManifests(linux, SETTINGS).size], [undefined, 0]);
  assert.equal(homebrewFormula(windows, SETTINGS), undefined);
  const formula = homebrewFormula(linux, SETTINGS)!;
  assert.ok(formula.includes("on_linux") && !formula.includes("on_macos") && !formula.includes("on_arm"));
});
