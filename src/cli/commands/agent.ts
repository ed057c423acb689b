/** `portd agent`: portd in the settings of coding agents, and the hooks that those call. */
import { buildRouteMap } from "@stricli/core";
import { type Agent, AGENTS } from "../../agent/agent_files.ts";
import { findOffence } from "../../agent/guard.ts";
import { describeChoices } from "../../errors.ts";
import { findProject, findProjectFile } from "../../project/project.ts";
import { changeFiles, type FileChange } from "../agent/install.ts";
import { guardAnswer } from "../agent/guard_answer.ts";
import { readHookInput } from "../agent/hook_input.ts";
import { readProjectFacts } from "../agent/project_facts.ts";
import type { Having } from "../answer.ts";
import { argument, COMMON_FLAGS, defineCommand, type FlagsOf, switchFlag } from "../command.ts";
import type { CliContext } from "../context.ts";
import { Ended, UsageError } from "../exit.ts";
import { toJson, writeJson, writeLine } from "../terminal.ts";

const FLAGS = { dryRun: switchFlag("Only say what would be changed"), ...COMMON_FLAGS };
/** Of init and remove. */
const FIELDS = ["root", "changes", "dryRun"] as const;
const AGENT = argument("AGENT", describeChoices(AGENTS));

const init = defineCommand({
  flags: FLAGS,
  args: AGENT,
  answer: { fields: FIELDS },
  brief: "Enter portd into the settings of coding agents in this project",
  help:
    `Writes portd into the files of this project that coding agents read: AGENTS.md, .mcp.json, .claude/settings.json and
launch.json, .codex/config.toml and environments/environment.toml, .cursor/mcp.json and worktrees.json,
.vscode/mcp.json; without AGENT those of all. What else stands in them stays, and a
second time nothing changes. portd agent remove takes it out again.`,
  usage: ["[AGENT...] [--dry-run]", { input: "claude", brief: "only what Claude Code reads" }],
  run: (context, flags, ...names) => change(context, flags, names, true),
});

const remove = defineCommand({
  flags: FLAGS,
  args: AGENT,
  answer: { fields: FIELDS },
  brief: "Take portd out of the settings of coding agents in this project",
  usage: ["[AGENT...] [--dry-run]"],
  run: (context, flags, ...names) => change(context, flags, names, false),
});

const guard = defineCommand({
  brief: "Hook of an agent: stop commands that end servers by name or by port",
  help:
    `Reads the input of a PreToolUse hook on stdin, as Claude Code gives it, and answers with a refusal where the command
ends processes by their name or port, whoever's they are: pkill, killall, fuser -k, kill $(lsof …) and the like. The
refusal names the portd free to use instead. It answers nothing where there is nothing to stop.`,
  usage: [""],
  async run(context) {
    const { tool_input: input } = await readHookInput(context.process);
    const command = (input as { readonly command?: unknown } | undefined)?.command;
    const offence = typeof command === "string" ? findOffence(command) : undefined;
    if (offence === undefined) return;
    const permissionDecisionReason = await guardAnswer(context, offence);
    answer(context, { hookEventName: "PreToolUse", permissionDecision: "deny", permissionDecisionReason });
  },
});

const session = defineCommand({
  brief: "Hook of an agent: tell a session the ports of this working copy",
  help:
    `Reads the input of a SessionStart hook on stdin, as Claude Code gives it. Where the project has a portd.yaml, it leases
the ports of its services, tells the agent their variables, and adds them to the file of CLAUDE_ENV_FILE, from which the
agent's shells have them.`,
  usage: [""],
  async run(context) {
    await readHookInput(context.process);
    const project = findProject(context.cwd);
    if (findProjectFile(context.cwd, project) === undefined) return tell(context, "");
    const [variables, exports] = [await outputOf(context, "dotenv"), await outputOf(context, "shell")];
    const file = context.env.CLAUDE_ENV_FILE;
    if (file) await Deno.writeTextFile(file, exports, { append: true });
    tell(context, ` The services of this working copy have these variables:\n${variables}`);
  },
});

const worktree = defineCommand({
  brief: "Step of an agent that has made a worktree: lease its ports",
  help:
    `Leases the ports of this working copy, where the project has a portd.yaml, and prints their variables. Codex and Cursor
run it in each worktree that they make. Without a portd.yaml it does nothing.`,
  usage: [""],
  async run(context) {
    if (findProjectFile(context.cwd, findProject(context.cwd)) === undefined) return;
    context.process.stdout.write(await outputOf(context, "dotenv"));
  },
});

export default buildRouteMap({
  routes: { init, remove, guard, session, worktree },
  docs: { brief: "Enter portd into the settings of coding agents" },
});

function change(context: CliContext, flags: FlagsOf<typeof FLAGS>, names: readonly string[], isAdding: boolean): void {
  const { root, name, main } = findProject(context.cwd), facts = readProjectFacts(root, main?.name ?? name);
  const agents = names.length === 0 ? AGENTS : names.map(readAgent);
  const changes = changeFiles({ root, facts, agents, isAdding, isDry: flags.dryRun ?? false });
  const { stdout, stderr } = context.process;
  if (flags.json) writeJson(stdout, { root, changes, dryRun: flags.dryRun ?? false } satisfies Having<typeof FIELDS>);
  else for (const each of changes) writeLine(stderr, textOf(each, flags.dryRun ?? false));
  if (changes.some(({ change }) => change === "unreadable")) throw new Ended(1);
}

function textOf({ path, change, reason }: FileChange, isDry: boolean): string {
  if (change === "unreadable") return `left ${path} alone: ${reason}`;
  return change === "unchanged" ? `${path} needs no change` : `${isDry ? "would be " : ""}${change} ${path}`;
}

function readAgent(name: string): Agent {
  const found = AGENTS.find((agent) => agent === name);
  if (found !== undefined) return found;
  throw new UsageError(`Cannot use ${JSON.stringify(name)} for AGENT: must be ${describeChoices(AGENTS)}`);
}

/** What `portd env` prints. @throws {Ended} where it fails; it has said why. */
async function outputOf(context: CliContext, format: string): Promise<string> {
  let text = "";
  const args = ["env", "--format", format];
  const stdout = { ...context.process.stdout, isTerminal: false, write: (part: string) => void (text += part) };
  const code = await context.runCommand(args, { ...context, args, process: { ...context.process, stdout } });
  if (code !== 0) throw new Ended(code);
  return text;
}

function tell(context: CliContext, more: string): void {
  const additionalContext =
    "Ports of this machine are leased from portd: run servers with portd run NAME -- COMMAND, and end " +
    `them with portd free NAME, never by name or port.${more}`;
  answer(context, { hookEventName: "SessionStart", additionalContext });
}

function answer({ process }: CliContext, hookSpecificOutput: Readonly<Record<string, string>>): void {
  process.stdout.write(`${toJson({ hookSpecificOutput })}\n`);
}
