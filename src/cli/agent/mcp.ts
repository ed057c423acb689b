/**
 * portd for agents over the Model Context Protocol: each tool is a command of portd, run in this process, and its result
 * is what the command prints with `--json`. Loaded by `portd mcp` alone.
 */
import { type CallToolResult, McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";
import { VERSION } from "../../version.ts";
import type { CliContext } from "../context.ts";

/** A longer result is an error, in characters: no agent reads more. */
const MOST_CHARACTERS = 200_000;
/** Longer waits are an agent's own business: it may ask again. */
const LONGEST_WAIT_S = 300;

/** A word of a command line that is no flag. */
const word = (expected: string) =>
  z.string().min(1).max(400).regex(/^(?!-)\P{Cc}+$/u, `must be ${expected}, and no flag`);
const name = word("a service like web, or project/name").describe("A service like web, or project/name");
const target = word("a name or a port").describe("A lease by its name, or a port");
const timeout = z.number().int().min(1).max(LONGEST_WAIT_S).default(60).describe("How long to wait, in seconds");

/** The members of an answer that agents use; there are more. */
const LEASE = z.looseObject({ name: z.string().nullable(), port: z.number(), state: z.string() });

/** One tool. */
interface Tool<Input extends z.ZodObject> {
  readonly description: string;
  readonly input: Input;
  readonly output: z.ZodObject;
  readonly hints: { readonly isReading?: true; readonly isDestructive?: true; readonly isIdempotent?: true };
  /** The command line. */
  readonly words: (input: z.output<Input>) => readonly string[];
}

function tool<Input extends z.ZodObject>(definition: Tool<Input>): Tool<z.ZodObject> {
  return definition as unknown as Tool<z.ZodObject>;
}

const NOTHING = z.strictObject({});

const TOOLS: Readonly<Record<string, Tool<z.ZodObject>>> = {
  lease: tool({
    description:
      "Leases a port for a service of this working copy, or finds the one that it has. Start the server on it.",
    input: z.strictObject({ name }),
    output: LEASE,
    hints: { isIdempotent: true },
    words: ({ name }) => ["lease", name],
  }),
  release: tool({
    description: "Gives the port of a service back. A server that listens there is not ended.",
    input: z.strictObject({ name: target }),
    output: z.looseObject({ released: z.array(z.string()) }),
    hints: { isIdempotent: true },
    words: ({ name }) => ["release", name],
  }),
  list: tool({
    description: "Lists all leases of this machine: name, port, state, holder.",
    input: NOTHING,
    output: z.looseObject({ leases: z.array(LEASE) }),
    hints: { isReading: true },
    words: () => ["ls"],
  }),
  inspect: tool({
    description: "Says everything about a port: free or not, whose, since when, and what to do.",
    input: z.strictObject({ port: target }),
    output: z.looseObject({ port: z.number(), verdict: z.string() }),
    hints: { isReading: true },
    words: ({ port }) => ["inspect", port],
  }),
  wait: tool({
    description: "Waits until a service listens on its port.",
    input: z.strictObject({ name: target, timeout }),
    output: z.looseObject({ port: z.number() }),
    hints: { isReading: true },
    words: ({ name, timeout }) => ["wait", name, "--timeout", `${timeout}s`],
  }),
  env: tool({
    description: "Leases a port for each service of the project's portd.yaml, and answers its environment variables.",
    input: NOTHING,
    output: z.looseObject({}),
    hints: { isIdempotent: true },
    words: () => ["env"],
  }),
  url: tool({
    description: "Answers the address of a service of this working copy.",
    input: z.strictObject({ name: target }),
    output: z.looseObject({ url: z.string() }),
    hints: { isReading: true },
    words: ({ name }) => ["url", name],
  }),
  free: tool({
    description:
      "Ends the server that listens on the port of a lease, and releases the lease. Never a stranger's server.",
    input: z.strictObject({ name: target }),
    output: z.looseObject({}),
    hints: { isDestructive: true },
    words: ({ name }) => ["free", name, "--yes"],
  }),
};

/** Options of {@linkcode serveMcp}. */
export interface McpOptions {
  /** Whether the tool `free` is there. */
  readonly allowFree: boolean;
}

/** Serves on stdin and stdout until stdin ends. */
export async function serveMcp(context: CliContext, options: McpOptions): Promise<void> {
  const ended = Promise.withResolvers<void>();
  const handle = serveStdio(() => mcpServer(context, options, ended.resolve));
  process.stdin.once("end", ended.resolve);
  process.stdin.once("close", ended.resolve);
  await ended.promise;
  await handle.close();
}

/** A server with the tools. @param closed is called when its connection has ended. */
function mcpServer(context: CliContext, { allowFree }: McpOptions, closed: () => void): McpServer {
  const server = new McpServer({ name: "portd", version: VERSION }, {
    capabilities: { tools: {} },
    instructions:
      "Ports of this machine are leased from portd. Speak of services by name, never end servers by pkill or " +
      "by port; each working copy has ports of its own.",
  });
  for (const [toolName, { description, input, output, hints, words }] of Object.entries(TOOLS)) {
    if (toolName === "free" && !allowFree) continue;
    const annotations = {
      readOnlyHint: hints.isReading ?? false,
      destructiveHint: hints.isDestructive ?? false,
      idempotentHint: hints.isIdempotent ?? hints.isReading ?? false,
      openWorldHint: false,
    };
    server.registerTool(
      toolName,
      { description, inputSchema: input, outputSchema: output, annotations },
      async (input) => await run(context, words(input)),
    );
  }
  server.server.onclose = closed;
  return server;
}

/** Runs a command as a tool; a refusal is a result that says so. */
async function run(context: CliContext, words: readonly string[]): Promise<CallToolResult> {
  const written = { stdout: "", stderr: "" };
  const sink = (name: keyof typeof written) => ({
    isTerminal: false,
    getColorDepth: () => 1,
    getSize: () => ({ columns: 80, rows: 24 }),
    write(text: string) {
      if (written[name].length <= MOST_CHARACTERS) written[name] += text;
    },
  });
  const stdin = { isTerminal: false, read: () => Promise.resolve(null) };
  const args = [...words, "--json"];
  const code = await context.runCommand(args, {
    ...context,
    args,
    process: { stdout: sink("stdout"), stderr: sink("stderr"), stdin },
    isTask: false,
    behindDashes: undefined,
  });
  if (code !== 0) return { content: [{ type: "text", text: messageIn(written) }], isError: true };
  if (written.stdout.length > MOST_CHARACTERS) {
    const text = `The answer is longer than ${MOST_CHARACTERS} characters: ask about one lease or port (inspect)`;
    return { content: [{ type: "text", text }], isError: true };
  }
  const answer: unknown = JSON.parse(written.stdout);
  return { content: [{ type: "text", text: written.stdout }], structuredContent: answer as Record<string, unknown> };
}

/** The sentence of a failed command; its answer where it has failed with one, as wait does. */
function messageIn({ stdout, stderr }: { readonly stdout: string; readonly stderr: string }): string {
  const last = stderr.trim().split("\n").at(-1) ?? "";
  try {
    const { error } = JSON.parse(last) as { readonly error?: { readonly message?: unknown } };
    if (typeof error?.message === "string") return error.message;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return last || stdout;
}
