/** The official client lists and calls every tool of `portd mcp`, in both versions of the protocol. */
import assert from "node:assert/strict";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { Installation, programFromSource } from "../support/os/installation.ts";
import { linux, osTest, tools } from "../support/os/requirement.ts";
import { makeProject } from "../support/os/project.ts";
import { ServedDaemon } from "../support/os/served_daemon.ts";

const VERSIONS = ["2025-11-25", "2026-07-28"] as const;
const TOOLS = ["env", "free", "inspect", "lease", "list", "release", "url", "wait"];

/** A client of a `portd mcp` in a working copy. */
async function connect(
  installation: Installation,
  { cwd, version, flags }: { readonly cwd: string; readonly version: string; readonly flags: readonly string[] },
): Promise<Client> {
  const [command, ...args] = await programFromSource();
  const client = new Client({ name: "test", version: "1.0.0" }, {
    versionNegotiation: { mode: version === "2025-11-25" ? "legacy" : { pin: version } },
  });
  await client.connect(
    new StdioClientTransport({
      command: command!,
      args: [...args, "mcp", ...flags],
      cwd,
      env: { ...installation.env },
      stderr: "inherit",
    }),
  );
  return client;
}

for (const version of VERSIONS) {
  osTest(`an agent leases, waits, looks and frees over MCP ${version}`, [linux, tools("python3")], async (t) => {
    await using installation = await Installation.create();
    await using _daemon = await ServedDaemon.start(installation);
    const cwd = await makeProject(installation, "shop", {
      "portd.yaml": 'services: { web: { url: "http://{host}:{port}/app" } }',
    });
    const client = await connect(installation, { cwd, version, flags: ["--allow-free"] });
    const call = async (name: string, args: Record<string, unknown> = {}) => {
      const { content, structuredContent, isError } = await client.callTool({ name, arguments: args });
      const [first] = content as readonly { readonly text: string }[];
      return { text: first!.text, answer: structuredContent as Record<string, unknown> | undefined, isError };
    };
    try {
      await t.step("every tool is listed with what it does to the machine", async () => {
        const { tools } = await client.listTools();
        assert.deepEqual(tools.map(({ name }) => name).sort(), TOOLS);
        const hints = Object.fromEntries(tools.map(({ name, annotations }) => [name, annotations]));
        assert.equal(hints.free!.destructiveHint, true);
        assert.equal(hints.list!.readOnlyHint, true);
        assert.equal(hints.lease!.idempotentHint, true);
        for (const { outputSchema } of tools) assert.equal(outputSchema?.type, "object");
      });
      const { answer } = await call("lease", { name: "web" });
      const port = answer!.port as number;
      await t.step("a service is leased, found again, and has an address", async () => {
        assert.equal(answer!.name, "shop/web");
        assert.equal((await call("lease", { name: "web" })).answer!.port, port);
        assert.deepEqual((await call("env")).answer, { WEB_PORT: String(port) });
        assert.equal((await call("url", { name: "web" })).answer!.url, `http://localhost:${port}/app`);
        const { leases } = (await call("list")).answer as { readonly leases: readonly { readonly name: string }[] };
        assert.deepEqual(leases.map(({ name }) => name), ["shop/web"]);
        assert.equal((await call("inspect", { port: String(port) })).answer!.verdict, "leased");
      });
      await t.step("what listens is waited for, and ended by its name", async () => {
        const server = new Deno.Command("python3", {
          args: ["-m", "http.server", String(port)],
          cwd,
          stdin: "null",
          stdout: "null",
          stderr: "null",
        }).spawn();
        assert.equal((await call("wait", { name: "web", timeout: 120 })).isError ?? false, false);
        assert.equal((await call("free", { name: "web" })).isError ?? false, false);
        await server.status;
      });
      await t.step("a refusal is an answer in words, and no word is a flag", async () => {
        const unknown = await call("url", { name: "nobody" });
        assert.equal(unknown.isError, true);
        assert.match(unknown.text, /nobody/);
        const flag = await call("release", { name: "--label=x" }).catch((error: Error) => ({ text: error.message }));
        assert.match(flag.text, /no flag/);
        assert.equal((await call("release", { name: "web" })).isError ?? false, false);
      });
    } finally {
      await client.close();
    }
  });
}

osTest("without --allow-free no tool ends a server", [linux], async () => {
  await using installation = await Installation.create();
  const client = await connect(installation, { cwd: installation.work, version: VERSIONS[1], flags: [] });
  try {
    const { tools } = await client.listTools();
    assert.deepEqual(tools.map(({ name }) => name).sort(), TOOLS.filter((name) => name !== "free"));
  } finally {
    await client.close();
  }
});
