/**
 * The convention of README.md and docs/tour.md, played through: in a section every block ```` ```sh ```` shows commands (behind `$ `; lines
 * behind `> ` go on with them) and what they print, every ```` ```http ```` block a request and its answer, and a block
 * with a file's name behind its language is that file. All of a section happens in one checkout called `shop`, with a
 * portd of its own that has never run before.
 */
import { Installation, programFromSource } from "../os/installation.ts";
import { runTool } from "../os/tool.ts";
import type { Fence, Section } from "./markdown.ts";
import { ShellSession } from "./shell_session.ts";
import { Transcript } from "./transcript.ts";

/** How long a file that a command in the background writes may take to be as shown, in milliseconds. */
const WRITING_MS = 60_000;

/** A command with the output that the document shows. */
export interface ShownCommand {
  readonly command: string;
  readonly output: string;
}

/** The commands of a block `sh`. */
export function commandsOf({ text }: Fence): ShownCommand[] {
  return text.split(/^\$ /m).slice(1).map((part) => {
    const lines = part.trimEnd().split("\n");
    const first = lines.findIndex((line, i) => i > 0 && !line.startsWith("> "));
    const end = first < 0 ? lines.length : first;
    return {
      command: lines.slice(0, end).map((line, i) => i > 0 ? line.slice(2) : line).join("\n"),
      output: lines.slice(end).join("\n"),
    };
  });
}

/** Whether a command is run here: `npx` and `./compile.sh` download. */
export function isRunHere({ command }: ShownCommand): boolean {
  return !/^(?:npx|\.\/compile\.sh|git clone)\b/.test(command);
}

/** Whether a section is about a machine of its own: it calls `sudo`, and tests/os/systemd_test.ts plays it. */
export function takesRoot({ fences }: Section): boolean {
  return fences.some((fence) => commandsOf(fence).some(({ command }) => command.startsWith("sudo ")));
}

/** Plays a section through. @returns each thing that is not as shown. */
export async function playSection(section: Section): Promise<string[]> {
  await using installation = await Installation.create();
  const cwd = `${installation.folder}/shop`;
  await makeCheckout(cwd, installation.env, section);
  const env = { ...installation.env, PATH: `${await binFolder(installation)}:${installation.env.PATH}` };
  await using shell = await ShellSession.start(cwd, env);
  const transcript = new Transcript();
  const faults: string[] = [];
  for (const fence of section.fences) {
    const play = fence.file !== "" ? writeFile : fence.language === "http" ? playRequest : playCommands;
    faults.push(...await play(fence, { cwd, shell, transcript, installation }));
  }
  return faults;
}

interface Stage {
  readonly cwd: string;
  readonly shell: ShellSession;
  readonly transcript: Transcript;
  readonly installation: Installation;
}

async function writeFile({ file, text }: Fence, { cwd }: Stage): Promise<string[]> {
  await Deno.writeTextFile(`${cwd}/${file}`, text);
  return [];
}

async function playCommands(fence: Fence, stage: Stage): Promise<string[]> {
  const faults: string[] = [];
  if (fence.language !== "sh") return faults;
  for (const shown of commandsOf(fence).filter(isRunHere)) {
    const fault = await playCommand(shown, stage);
    if (fault !== undefined) faults.push(`line ${fence.line}: ${shown.command}: ${fault}`);
  }
  return faults;
}

/** What a command in the background writes into a file comes when it comes: `cat` is called until it is there. */
async function playCommand({ command, output }: ShownCommand, { shell, transcript }: Stage) {
  const limit = command.startsWith("cat ") ? performance.now() + WRITING_MS : 0;
  for (;;) {
    const fault = transcript.compare(output, await shell.run(transcript.fill(command)));
    if (fault === undefined || performance.now() >= limit) return fault;
  }
}

/** A block of `METHOD path`, headers, an empty line, the body, and behind `HTTP/1.1 status` the answer's body. */
async function playRequest({ text, line }: Fence, { transcript, installation }: Stage): Promise<string[]> {
  const [request = "", answer = ""] = text.split(/^HTTP\/1\.1 /m);
  const [head = "", body = ""] = transcript.fill(request).split("\n\n");
  const [start = "", ...fields] = head.trim().split("\n");
  const [method = "", path = ""] = start.split(" ");
  const { url } = await installation.daemon();
  const response = await fetch(url + path, {
    method,
    headers: fields.map((field) => field.split(": ") as [string, string]),
    ...(body.trim() === "" ? {} : { body: body.trim() }),
  });
  const [status = "", shown = ""] = answer.split("\n\n");
  const got = `${response.status}\n${await response.text()}`;
  const fault = transcript.compare(`${status.trim().split(" ")[0]}\n${shown}`, got);
  return fault === undefined ? [] : [`line ${line}: ${start}: ${fault}`];
}

/** A folder with `portd`: this checkout's own, with the permissions of its task. */
async function binFolder({ folder }: Installation): Promise<string> {
  const words = (await programFromSource()).map((word) => `'${word}'`).join(" ");
  await Deno.mkdir(`${folder}/bin`);
  await Deno.writeTextFile(`${folder}/bin/portd`, `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
  return `${folder}/bin`;
}

/** A checkout as far as portd looks at one; a real one, with a commit, where the section calls git. */
async function makeCheckout(cwd: string, env: Readonly<Record<string, string>>, section: Section): Promise<void> {
  await Deno.mkdir(`${cwd}/.git`, { recursive: true });
  await Deno.writeTextFile(`${cwd}/.git/HEAD`, "ref: refs/heads/main\n");
  if (!callsGit(section)) return;
  await Deno.remove(`${cwd}/.git`, { recursive: true });
  const identity = ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false"];
  await runTool("git", ["init", "-q", "-b", "main"], { cwd, env });
  await runTool("git", [...identity, "commit", "-q", "--allow-empty", "-m", "first"], { cwd, env });
}

/** Whether a section can be played only where git is installed. */
export function callsGit(section: Section): boolean {
  return section.fences.some((fence) =>
    fence.language === "sh" && commandsOf(fence).some((shown) => isRunHere(shown) && /\bgit\b/.test(shown.command))
  );
}
