/** Tests of commands: each in a folder of its own, with a fake daemon of its own. */
import assert from "node:assert/strict";
import { checkAnswer } from "./answers.ts";
import { type CliOptions, type CliOutcome, portd } from "./cli.ts";
import { FakeDaemon, type FakeDaemonOptions, TOKEN } from "./fake_daemon.ts";
import { temporaryFolder } from "./folder.ts";

/** What a test of commands works with. */
export interface Setting extends AsyncDisposable {
  readonly daemon: FakeDaemon;
  /** A folder of a project named "shop". */
  readonly cwd: string;
  /** The daemon's address and token, as commands read them. */
  readonly env: Record<string, string>;
  readonly run: (args: readonly string[], options?: CliOptions) => Promise<CliOutcome>;
}

/** Makes the folder and starts the daemon. */
export async function setUp(options: FakeDaemonOptions = {}): Promise<Setting> {
  const folder = await temporaryFolder();
  const cwd = `${folder.path}/shop`;
  await Deno.mkdir(cwd);
  const daemon = await FakeDaemon.open(options);
  const env = { PORTD_URL: daemon.url, PORTD_TOKEN: TOKEN };
  return {
    daemon,
    cwd,
    env,
    async run(args, options = {}) {
      const outcome = await portd(args, { cwd, ...options, env: { ...env, ...options.env } });
      const isAnswer = args.at(-1) === "--json" && outcome.code === 0 && outcome.stdout !== "";
      if (isAnswer) await checkAnswer(args, outcome.stdout);
      return outcome;
    },
    async [Symbol.asyncDispose]() {
      await daemon[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Declares a test. */
export function commandTest(
  name: string,
  run: (setting: Setting) => Promise<void>,
  options: FakeDaemonOptions = {},
): void {
  Deno.test(name, async () => {
    await using setting = await setUp(options);
    await run(setting);
  });
}

/** @throws unless a command printed no answer, ended with this exit code, and wrote this to stderr. */
export async function checkFailure(outcome: Promise<CliOutcome>, code: number, words: RegExp): Promise<void> {
  const { stderr, ...rest } = await outcome;
  assert.deepEqual(rest, { code, stdout: "" }, stderr);
  assert.match(stderr, words);
}

/** The outcome of a command that ends well. */
export const ok = (stdout: string, stderr = "") => ({ code: 0, stdout, stderr });
