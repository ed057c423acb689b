/** Tab completion as a person types it: bash, zsh and fish in tmux. */
import assert from "node:assert/strict";
import { retryUntil } from "../../src/wait.ts";
import { Installation, programFromSource } from "../support/os/installation.ts";
import { linux, osTest, tools } from "../support/os/requirement.ts";
import { runTool } from "../support/os/tool.ts";

/** A shell without the settings of a user, and what it is told first. */
const SHELLS = {
  bash: { words: ["bash", "--norc", "--noprofile"], setUp: 'PS1="$ "; eval "$(portd completions bash)"' },
  zsh: { words: ["zsh", "-f"], setUp: 'PS1="$ "; eval "$(portd completions zsh)"' },
  fish: { words: ["fish", "--no-config"], setUp: "portd completions fish | source" },
} as const;

/** What is typed before a tab, and what stands there afterwards. */
const CASES = [
  ["portd insp", /portd inspect $/],
  ["portd ls --proj", /portd ls --project $/],
  ["portd ls --state list", /portd ls --state listening $/],
  ["portd ls --json na", /portd ls --json name $/],
  ["portd ls --json name,lif", /portd ls --json name,lifetime $/],
  ["portd ls --json=name,lif", /portd ls --json=name,lifetime $/],
  ["portd inspect we", /portd inspect web $/],
  ["portd inspect shop@lo", /portd inspect shop@login\/api $/],
] as const;

/** A shell in a terminal of its own. */
class Terminal implements AsyncDisposable {
  readonly #socket: string;
  readonly #env: Readonly<Record<string, string>>;

  private constructor(socket: string, env: Readonly<Record<string, string>>) {
    this.#socket = socket;
    this.#env = env;
  }

  static async open(installation: Installation, words: readonly string[]): Promise<Terminal> {
    const env = { ...installation.env, PATH: `${installation.folder}/bin:${installation.env.PATH}`, TERM: "xterm" };
    const terminal = new Terminal(`${installation.folder}/tmux`, env);
    await terminal.#tmux(
      "-f",
      "/dev/null",
      "new-session",
      "-d",
      "-x",
      "120",
      "-y",
      "40",
      "-c",
      installation.work,
      ...words,
    );
    return terminal;
  }

  /** Presses keys, as tmux names them. */
  async press(...keys: readonly string[]): Promise<void> {
    await this.#tmux("send-keys", ...keys);
  }

  async type(text: string): Promise<void> {
    await this.#tmux("send-keys", "-l", text);
  }

  /** What is on the screen, without the empty lines at its end; a blank at the end of a line stays. */
  async screen(): Promise<string> {
    return (await this.#tmux("capture-pane", "-p", "-N")).replaceAll(/[ ]+$/gm, " ").trimEnd() + " ";
  }

  /** Waits until the screen fits. */
  async until(pattern: RegExp): Promise<void> {
    let screen = "";
    const isThere = async () => pattern.test(screen = await this.screen()) || undefined;
    const found = await retryUntil(isThere, { pauseMs: 200, limitMs: 120_000 });
    assert.ok(found, `${pattern} is not in:\n${screen}`);
  }

  async #tmux(...args: readonly string[]): Promise<string> {
    return await runTool("tmux", ["-S", this.#socket, ...args], { env: this.#env });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tmux("kill-server");
  }
}

for (const [shell, { words, setUp }] of Object.entries(SHELLS)) {
  osTest(`${shell} completes commands, flags and live names`, [linux, tools("tmux", shell)], async () => {
    await using installation = await Installation.create();
    await installPortd(installation);
    await installation.answer(["lease", "web", "--pin"]);
    await installation.answer(["lease", "--name", "shop@login/api", "--pin"]);
    await using terminal = await Terminal.open(installation, words);
    await terminal.type(`${setUp}; printf "ready-%s\\n" 2`);
    await terminal.press("Enter");
    await terminal.until(/^ready-2/m);
    for (const [typed, expected] of CASES) {
      await terminal.type(typed);
      await terminal.press("Tab");
      await terminal.until(new RegExp(expected.source, "m"));
      await terminal.press("C-u");
      await terminal.until(/[$#] $/);
    }
  });
}

/** Puts `portd` on the path of the shells. */
async function installPortd({ folder }: Installation): Promise<void> {
  const quoted = (await programFromSource()).map((word) => `'${word}'`).join(" ");
  await Deno.mkdir(`${folder}/bin`);
  await Deno.writeTextFile(`${folder}/bin/portd`, `#!/bin/sh\nexec ${quoted} "$@"\n`, { mode: 0o755 });
}
