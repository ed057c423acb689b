/**
 * The formula for a Homebrew tap, as "Formula Cookbook" describes it: one download for each system and processor, which
 * is the program itself.
 */
import { type BuiltProgram, NAME, SUMMARY, VERSION } from "../description.ts";
import { downloadAddress, type Settings } from "../settings.ts";

const SYSTEMS = [["darwin", "macos"], ["linux", "linux"]] as const;
const PROCESSORS = [["arm64", "arm"], ["x64", "intel"]] as const;

/** The text of `portd.rb`; `undefined` where there is no program for macOS or Linux. */
export function homebrewFormula(programs: readonly BuiltProgram[], settings: Settings): string | undefined {
  const blocks = SYSTEMS.flatMap(([os, system]) => {
    const inner = PROCESSORS.flatMap(([cpu, processor]) => {
      const program = programs.find((each) => each.os === os && each.cpu === cpu);
      return program === undefined ? [] : [download(program, processor, settings)];
    });
    return inner.length === 0 ? [] : [`  on_${system} do\n${inner.join("\n")}  end\n`];
  });
  if (blocks.length === 0) return undefined;
  return `class Portd < Formula
  desc ${quote(SUMMARY)}
  homepage ${quote(settings.homepage)}
  version ${quote(VERSION)}
  license ${licence(settings)}

${blocks.join("\n")}
  def install
    bin.install Dir["${NAME}-*"].first => "${NAME}"
    generate_completions_from_executable(bin/"${NAME}", "completions")
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/${NAME} version")
  end
end
`;
}

function download({ file, sha256 }: BuiltProgram, processor: string, settings: Settings): string {
  return `    on_${processor} do
      url ${quote(downloadAddress(settings, VERSION, file))}
      sha256 ${quote(sha256)}
    end
`;
}

/** An expression of several licences is written as a hash in a formula; a text that is not SPDX's own is a reference. */
function licence({ licence }: Settings): string {
  const parts = licence.split(" OR ");
  if (parts.length > 1) return `any_of: [${parts.map(quote).join(", ")}]`;
  const all = licence.split(" AND ");
  return all.length > 1 ? `all_of: [${all.map(quote).join(", ")}]` : quote(licence);
}

/** A literal of Ruby in which nothing is replaced. */
function quote(text: string): string {
  return `"${text.replaceAll(/["\\#]/g, "\\$&")}"`;
}
