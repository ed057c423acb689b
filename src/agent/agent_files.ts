/**
 * What portd writes into a project's files for coding agents. The formats are those of the vendors' documentation:
 * Claude Code (code.claude.com/docs: MCP, hooks; desktop: preview servers), Codex (developers.openai.com/codex:
 * config.toml; app/local-environments), Cursor (cursor.com/docs: MCP; configuration/worktrees), VS Code
 * (code.visualstudio.com/docs: MCP servers). Pure.
 */
import { codexEnvironment, withoutCodexEnvironment } from "./codex_environment.ts";
import { type Json, type JsonEntry, withEntries, withoutEntries } from "./json_file.ts";
import { type Marks, withBlock, withoutBlock } from "./marked_block.ts";

/** The agents. */
export const AGENTS = ["claude", "codex", "cursor", "vscode"] as const;

/** One of them. */
export type Agent = (typeof AGENTS)[number];

/** What must be known of a project. */
export interface ProjectFacts {
  /** The name of its folder. */
  readonly name: string;
  /** The words that start its dev server; `undefined` where none are known. */
  readonly devCommand: readonly string[] | undefined;
}

/** A file with what portd has in it. */
export interface AgentFile {
  /** From the folder of the project. */
  readonly path: string;
  /** Those for which it is. */
  readonly agents: readonly Agent[];
  /** The text with portd's part; the same where it is there, or where the project has nothing for it. @throws {UnreadableFileError} */
  readonly add: (text: string | undefined, facts: ProjectFacts) => string | undefined;
  /** The text without it; `undefined` where nothing else is left. @throws {UnreadableFileError} */
  readonly remove: (text: string) => string | undefined;
}

const MCP = { command: "portd", args: ["mcp"] };
const PARAGRAPH = `## Ports

Ports of this machine are leased from portd, and each working copy has its own. Never choose a port by hand, and never
end a server by its name or port (\`pkill\`, \`kill $(lsof …)\`, \`fuser -k\`): it may be another agent's or the user's.

- \`portd run web -- npm run dev\` runs a server on the port of the service \`web\`; \`portd wait web\` waits until it listens
- \`portd url web\` prints its address, \`portd env\` the variables of portd.yaml, \`portd ls\` whose ports there are
- \`portd free web\` ends the server of this working copy; \`portd inspect 3000\` says who is on a port`;

/** All files. */
export const AGENT_FILES: readonly AgentFile[] = [
  blockFile("AGENTS.md", AGENTS, { begin: "<!-- portd: begin -->", end: "<!-- portd: end -->" }, PARAGRAPH),
  jsonFile(".mcp.json", ["claude"], [{ path: ["mcpServers"], key: "portd", value: MCP }]),
  jsonFile(".claude/settings.json", ["claude"], [
    hook("SessionStart", { hooks: [{ type: "command", command: "portd agent session" }] }),
    hook("PreToolUse", { matcher: "Bash|PowerShell", hooks: [{ type: "command", command: "portd agent guard" }] }),
  ]),
  {
    path: ".claude/launch.json",
    agents: ["claude"],
    add: (text, { devCommand }) =>
      devCommand === undefined ? text : withEntries(text ?? NEW_LAUNCH_FILE, [preview(devCommand)]),
    remove: (text) => {
      const left = withoutEntries(text, [preview([])]);
      return left?.replaceAll(/\s/g, "") === NEW_LAUNCH_FILE.replaceAll(/\s/g, "") ? undefined : left;
    },
  },
  blockFile(
    ".codex/config.toml",
    ["codex"],
    { begin: "# portd: begin", end: "# portd: end" },
    '[mcp_servers.portd]\ncommand = "portd"\nargs = ["mcp"]',
  ),
  {
    path: ".codex/environments/environment.toml",
    agents: ["codex"],
    add: (text, { name }) => codexEnvironment(text, { name, command: WORKTREE_COMMAND }),
    remove: withoutCodexEnvironment,
  },
  jsonFile(".cursor/mcp.json", ["cursor"], [{ path: ["mcpServers"], key: "portd", value: MCP }]),
  {
    path: ".cursor/worktrees.json",
    agents: ["cursor"],
    add: (text) => withEntries(text, setupListsIn(text).map(setupStep)),
    remove: (text) => withoutEntries(text, SETUP_LISTS.map(setupStep)),
  },
  jsonFile(".vscode/mcp.json", ["vscode"], [{ path: ["servers"], key: "portd", value: { type: "stdio", ...MCP } }]),
];

/** What an agent runs in a worktree that it has made. */
const WORKTREE_COMMAND = "portd agent worktree";

/** The lists of commands of `.cursor/worktrees.json`; Cursor takes that of the system where there is one. */
const SETUP_LISTS = ["setup-worktree", "setup-worktree-unix", "setup-worktree-windows"] as const;

/** The lists that Cursor would take, on any system. */
function setupListsIn(text: string | undefined): readonly string[] {
  const [general, ...others] = SETUP_LISTS;
  const there = others.filter((name) => text?.includes(JSON.stringify(name)));
  return there.length === others.length ? there : [general, ...there];
}

function setupStep(list: string): JsonEntry {
  return { path: [list], element: WORKTREE_COMMAND, isOurs: (other) => other === WORKTREE_COMMAND };
}

/** `.claude/launch.json` before anything is in it. */
const NEW_LAUNCH_FILE = '{\n  "version": "0.0.1"\n}\n';
const PREVIEW_NAME = "portd preview";

/**
 * The dev server that Claude Code starts to look at its work. With `autoPort` Claude Code chooses a port and sets PORT;
 * portd leases that port for the server, and refuses it where it is another's.
 */
function preview(devCommand: readonly string[]): JsonEntry {
  const runtimeArgs = ["run", "preview", "--port", "${PORT:-3000}", "--", ...devCommand];
  return {
    path: ["configurations"],
    element: { name: PREVIEW_NAME, runtimeExecutable: "portd", runtimeArgs, port: 3000, autoPort: true },
    isOurs: (other) => (other as { readonly name?: unknown } | null)?.name === PREVIEW_NAME,
  };
}

/** A hook of Claude Code; those that call `portd agent` are ours. */
function hook(event: string, element: Json): JsonEntry {
  return { path: ["hooks", event], element, isOurs: (other) => JSON.stringify(other).includes('"portd agent ') };
}

function jsonFile(path: string, agents: readonly Agent[], entries: readonly JsonEntry[]): AgentFile {
  return {
    path,
    agents,
    add: (text) => withEntries(text, entries),
    remove: (text) => withoutEntries(text, entries),
  };
}

function blockFile(path: string, agents: readonly Agent[], marks: Marks, lines: string): AgentFile {
  return { path, agents, add: (text) => withBlock(text, marks, lines), remove: (text) => withoutBlock(text, marks) };
}
