/** Jobs whose property lists stand in tests/testdata/darwin/, by the names of the files. */
import type { ServiceDefinition } from "../../src/service/service.ts";

/** What a property list is made from. */
export interface GoldenJob {
  readonly definition: ServiceDefinition;
  readonly denoDir: string | undefined;
}

const SYSTEM_DIR = "/Library/Application Support/portd";
const SYSTEM = { words: ["--state-dir", SYSTEM_DIR], stateDir: SYSTEM_DIR, reserve: [] };
const USER_DIR = "/Users/ada/R&D <lab>/portd";

export const JOBS: Readonly<Record<string, GoldenJob>> = {
  "portd_daemon.plist": {
    definition: { self: ["/usr/local/bin/portd"], ...SYSTEM },
    denoDir: undefined,
  },
  "portd_agent.plist": {
    definition: {
      self: ["/Users/ada/bin/portd"],
      words: ["--state-dir", USER_DIR, "--listen", "127.0.0.1:7700", "--set", "a=\"b\" & 'c'"],
      stateDir: USER_DIR,
      reserve: [],
    },
    denoDir: undefined,
  },
  "portd_source.plist": {
    definition: {
      self: ["/opt/deno/bin/deno", "run", "--no-prompt", "--allow-net", "file:///opt/portd/main.ts"],
      ...SYSTEM,
    },
    denoDir: "/Users/ada/Library/Caches/deno",
  },
};
