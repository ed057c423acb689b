/** `portd release`: its command line. src/cli/release.ts does the work. */
import { command, COMMON_FLAGS, parsedFlag } from "../command.ts";
import { parsePair } from "../parse.ts";
import { release, type ReleaseFlags } from "../release.ts";

export default command<ReleaseFlags, string[]>({
  parameters: {
    flags: {
      label: parsedFlag("k=v", "All leases that bear this label", parsePair),
      ...COMMON_FLAGS,
    },
    positional: { kind: "array", parameter: { parse: String, placeholder: "NAME|PORT|ID", brief: "A lease" } },
  },
  docs: {
    brief: "Give leases back",
    fullDescription: "Gives leases back. A lease that has ended already is no error.",
    customUsage: [
      "NAME|PORT|ID...",
      "--label k=v",
      { input: "web", brief: "the lease of web of this project" },
      { input: "20417", brief: "the lease of a port" },
      { input: "--label job=1234", brief: "all ports of a CI job" },
    ],
  },
  run: release,
});
