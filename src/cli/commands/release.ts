/** `portd release`: its flags and help. src/cli/release.ts does the work. */
import { COMMON_FLAGS, defineCommand, labelFlag, NAME_OR_PORT } from "../command.ts";
import { release, RELEASE_FIELDS } from "../release.ts";

export default defineCommand({
  flags: { label: labelFlag("All leases with this label"), ...COMMON_FLAGS },
  args: NAME_OR_PORT,
  answer: { fields: RELEASE_FIELDS },
  help: "Releases leases: their ports are free for others. A lease that has ended already is no error.",
  usage: [
    "NAME|PORT...",
    "--label k=v",
    { input: "web", brief: "the lease of web in this project" },
    { input: "20417", brief: "the lease of a port" },
    { input: "--label job=1234", brief: "all ports of a CI job" },
  ],
  run: release,
});
