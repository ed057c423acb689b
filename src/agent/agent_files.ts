/**
 * What portd writes into a project's files for coding agents. The formats are those of the vendors' documentation:
 * Claude Code (code.claude.com/docs: MCP, hooks), Codex (developers.openai.com/codex: config.toml), Cursor
 * (cursor.com/docs: MCP), VS Code (code.visualstudio.com/docs: MCP servers). Pure.
 */
import { type Json, type JsonEntry, withEntries, withoutEntries } from "./json_file.ts";
import { type Marks, withBlock, withoutBlock } from "./marked_block.ts";

/** The agents. */
export const AGENTS = ["claude", "codex", "cursor", "vscode"] as const;

/** One of them. */
export type Agent = (typeof AGENTS)[number];

/** A file with what portd has in it. */
export interface AgentFile {
  /** From the folder of the project. */
  readonly path: string;
  /** Those for which it is. */
  readonly agents: readonly Agent[];
  /** The text with portd's part; the same where it is there. @throws {UnreadableJsonError} */
  readonly add: (text: string | undefined) => string;
  /** The text without it; `undefined` where nothing else is left. @throws {UnreadableJsonError} */
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
  blockFile(
    ".codex/config.toml",
    ["codex"],
    { begin: "# portd: begin", end: "# portd: end" },
    '[mcp_servers.portd]\ncommand = "portd"\nargs = ["mcp"]',
  ),
  jsonFile(".cursor/mcp.json", ["cursor"], [{ path: ["mcpServers"], key: "portd", value: MCP }]),
  jsonFile(".vscode/mcp.json", ["vscode"], [{ path: ["servers"], key: "portd", value: { type: "stdio", ...MCP } }]),
];

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
