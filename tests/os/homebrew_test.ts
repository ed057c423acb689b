/** The Homebrew formula as Ruby reads it; Homebrew itself is not among Debian's packages, and has not read it. */
import assert from "node:assert/strict";
import { SUMMARY, VERSION } from "../../packaging/description.ts";
import { homebrewFormula } from "../../packaging/manifests/homebrew.ts";
import { osTest, tools } from "../support/os/requirement.ts";
import { runTool } from "../support/os/tool.ts";
import { PROGRAMS, SETTINGS } from "../support/packaging.ts";

/** Notes what a formula declares for one system and processor, in the place of Homebrew. */
const STAND_IN = `
require "json"
class Formula
  FACTS = {}
  SYSTEM, PROCESSOR = ARGV
  class << self
    [:desc, :homepage, :version, :license, :url, :sha256].each do |name|
      define_method(name) { |value| FACTS[name] = value }
    end
    def on_macos = SYSTEM == "macos" && yield
    def on_linux = SYSTEM == "linux" && yield
    def on_arm = PROCESSOR == "arm" && yield
    def on_intel = PROCESSOR == "intel" && yield
    def test; end
  end
end
`;

osTest(
  "the Homebrew formula declares the program of each system and processor, with its hash",
  [tools("ruby")],
  async () => {
    const settings = { ...SETTINGS, licence: "MIT OR Apache-2.0" };
    const script = `${STAND_IN}${homebrewFormula(PROGRAMS, settings)}\nputs Formula::FACTS.to_json`;
    const read = async (system: string, processor: string) =>
      JSON.parse(await runTool("ruby", ["-w", "-e", script, system, processor]));
    const expected = [
      ["macos", "arm", "macos-arm64"],
      ["macos", "intel", "macos-x64"],
      ["linux", "arm", "linux-arm64"],
      ["linux", "intel", "linux-x64"],
    ] as const;
    for (const [system, processor, name] of expected) {
      const { file, sha256 } = PROGRAMS.find((program) => program.name === name)!;
      assert.deepEqual(await read(system, processor), {
        desc: SUMMARY,
        homepage: SETTINGS.homepage,
        version: VERSION,
        license: { any_of: ["MIT", "Apache-2.0"] },
        url: `https://example.org/portd/${VERSION}/${file}`,
        sha256,
      });
    }
  },
);
