/** `portd agent`: the hooks with the input that agents give, and the files of a project. */
import assert from "node:assert/strict";
import { temporaryFolder } from "../support/folder.ts";
import { commandTest, type Setting } from "../support/command_setting.ts";

/** The input of Claude Code's PreToolUse hook. */
const hookInput = (command: string, cwd: string) =>
  JSON.stringify({
    session_id: "abc123",
    transcript_path: "/home/me/.claude/projects/x/abc123.jsonl",
    cwd,
    permission_mode: "default",
    hook_event_name: "PreToolUse",
    tool_name: "Bash",
    tool_input: { command, description: "Frees the port" },
  });

/** What the hook answers to a command; `undefined` where it answers nothing. */
async function guard({ run, cwd }: Setting, command: string): Promise<string | undefined> {
  const { code, stdout, stderr } = await run(["agent", "guard"], { piped: hookInput(command, cwd) });
  assert.deepEqual([code, stderr], [0, ""]);
  if (stdout === "") return undefined;
  const { hookSpecificOutput } = JSON.parse(stdout);
  assert.deepEqual([hookSpecificOutput.hookEventName, hookSpecificOutput.permissionDecision], ["PreToolUse", "deny"]);
  return hookSpecificOutput.permissionDecisionReason;
}

commandTest("the guard stops what ends servers by name or port, and names the right portd free", async (setting) => {
  const { daemon, cwd } = setting;
  const own = { project: "shop", holder: { id: `cli:${cwd}`, cwd } }, lifetime = { kind: "pinned" } as const;
  const web = await daemon.grant({ name: "web", ...own, lifetime });
  const blog = await daemon.grant({ name: "web", project: "blog", holder: { id: "cli:/blog" }, lifetime });
  assert.match((await guard(setting, "pkill -f vite"))!, /To end a server of this working copy, use: portd free web\./);
  assert.match(
    (await guard(setting, `kill -9 $(lsof -ti :${web.port})`))!,
    new RegExp(`Port ${web.port} is leased to web; .* portd free web\\.`),
  );
  assert.match(
    (await guard(setting, `fuser -k ${blog.port}/tcp`))!,
    new RegExp(`Port ${blog.port} is leased to blog/web, which is not of this working copy: .* portd free blog/web\\.`),
  );
  assert.match((await guard(setting, "fuser -k 3000/tcp"))!, /Nobody has leased port 3000; .*use: portd free 3000\./);
  for (const command of ["git kill-stuff", "kill -l", "npm run dev"]) {
    assert.equal(await guard(setting, command), undefined);
  }
});

commandTest("the guard says nothing of other tools, and refuses input that is none in words", async ({ run }) => {
  const other = JSON.stringify({ tool_name: "Read", tool_input: { file_path: "pkill" } });
  assert.deepEqual(await run(["agent", "guard"], { piped: other }), { code: 0, stdout: "", stderr: "" });
  for (const piped of ["", "{", "[]", '"pkill"']) {
    const { code, stdout, stderr } = await run(["agent", "guard"], { piped });
    assert.deepEqual([code, stdout], [2, ""]);
    assert.equal(stderr, "portd: Cannot read the hook's input: it must be one JSON object on stdin\n");
  }
});

commandTest("a session learns the variables of its working copy, and its shells have them", async ({ run, cwd }) => {
  const session = async (env: Record<string, string>) => {
    const { code, stdout, stderr } = await run(["agent", "session"], {
      piped: '{"hook_event_name":"SessionStart"}',
      env,
    });
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout).hookSpecificOutput.additionalContext as string;
  };
  assert.match(await session({}), /^Ports of this machine are leased from portd: .*never by name or port\.$/);
  await Deno.writeTextFile(`${cwd}/portd.yaml`, "services: { web: { env: PORT } }");
  await Deno.writeTextFile(`${cwd}/env.sh`, "export A=1\n");
  const told = await session({ CLAUDE_ENV_FILE: `${cwd}/env.sh` });
  const [, port] = /variables:\nPORT=(\d+)\n$/.exec(told)!;
  assert.equal(await Deno.readTextFile(`${cwd}/env.sh`), `export A=1\nexport PORT='${port}'\n`);
});

/** The files of a folder with their texts, but for those of git. */
async function filesIn(folder: string): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  const visit = async (path: string) => {
    for await (const { name, isDirectory } of Deno.readDir(`${folder}${path}`)) {
      if (isDirectory) await visit(`${path}/${name}`);
      else found[`${path}/${name}`.slice(1)] = await Deno.readTextFile(`${folder}${path}/${name}`);
    }
  };
  await visit("");
  return found;
}

commandTest(
  "agent init keeps what stood there, changes nothing the second time, and remove undoes it",
  async ({ run, cwd }) => {
    const settings =
      '{\n  "permissions": { "allow": ["Bash(ls)"] },\n  "hooks": { "PreToolUse": [{ "matcher": "Edit", "hooks": [] }] }\n}\n';
    await Deno.mkdir(`${cwd}/.claude`);
    await Deno.writeTextFile(`${cwd}/.claude/settings.json`, settings);
    await Deno.writeTextFile(`${cwd}/AGENTS.md`, "# Our rules\n\nBe kind.\n");
    await Deno.writeTextFile(`${cwd}/package.json`, '{"scripts": {"dev": "vite"}}');
    await Deno.writeTextFile(`${cwd}/pnpm-lock.yaml`, "");
    const before = await filesIn(cwd);
    assert.match((await run(["agent", "init", "--dry-run"])).stderr, /^would be changed AGENTS\.md$/m);
    assert.deepEqual(await filesIn(cwd), before);
    assert.match((await run(["agent", "init"])).stderr, /^made \.mcp\.json$/m);
    const after = await filesIn(cwd);
    assert.deepEqual(Object.keys(after).filter((name) => !(name in before)).sort(), [
      ".claude/launch.json",
      ".codex/config.toml",
      ".codex/environments/environment.toml",
      ".cursor/mcp.json",
      ".cursor/worktrees.json",
      ".mcp.json",
      ".vscode/mcp.json",
    ]);
    assert.match(after[".claude/launch.json"]!, /"--",\s+"pnpm",\s+"run",\s+"dev"/);
    const { permissions, hooks } = JSON.parse(after[".claude/settings.json"]!);
    assert.deepEqual(permissions, { allow: ["Bash(ls)"] });
    assert.deepEqual(hooks.PreToolUse.map(({ matcher }: { matcher: string }) => matcher), ["Edit", "Bash|PowerShell"]);
    assert.ok(after["AGENTS.md"]!.startsWith("# Our rules\n\nBe kind.\n\n"));
    const again = await run(["agent", "init", "--json"]);
    assert.ok(JSON.parse(again.stdout).changes.every(({ change }: { change: string }) => change === "unchanged"));
    assert.deepEqual(await filesIn(cwd), after);
    assert.equal((await run(["agent", "remove"])).code, 0);
    const left = await filesIn(cwd);
    assert.deepEqual(JSON.parse(left[".claude/settings.json"]!), JSON.parse(settings));
    assert.deepEqual({ ...left, ".claude/settings.json": settings }, before);
    assert.deepEqual([...Deno.readDirSync(cwd)].map(({ name }) => name).sort(), [
      ".claude",
      "AGENTS.md",
      "package.json",
      "pnpm-lock.yaml",
    ]);
  },
);

commandTest(
  "agent init is for one agent where one is named, and leaves alone what it cannot read",
  async ({ run, cwd }) => {
    await Deno.mkdir(`${cwd}/.vscode`);
    await Deno.writeTextFile(`${cwd}/.vscode/mcp.json`, "// ours\n{}\n");
    const { code, stderr } = await run(["agent", "init", "vscode"]);
    assert.equal(code, 1);
    assert.match(stderr, /^left \.vscode\/mcp\.json alone: it is no plain JSON .*$/m);
    assert.deepEqual(Object.keys(await filesIn(cwd)).filter((name) => !name.startsWith(".git")).sort(), [
      ".vscode/mcp.json",
      "AGENTS.md",
    ]);
    const odd = await run(["agent", "init", "emacs"]);
    assert.deepEqual([odd.code, odd.stderr], [
      2,
      'portd: Cannot use "emacs" for AGENT: must be "claude" or "codex" or "cursor" or "vscode"\n',
    ]);
  },
);

commandTest(
  "agent init and remove change nothing that a link of the repository leads to outside of it",
  async ({ run, cwd }) => {
    await using outside = await temporaryFolder();
    const profile = `${outside.path}/profile`, settings = `${outside.path}/settings.json`;
    await Deno.writeTextFile(profile, "export A=1\n");
    await Deno.writeTextFile(settings, "{}\n");
    await Deno.writeTextFile(`${cwd}/agents.txt`, "# Ours\n");
    await Deno.symlink(profile, `${cwd}/AGENTS.md`);
    await Deno.symlink(outside.path, `${cwd}/.claude`);
    await Deno.symlink(settings, `${cwd}/.mcp.json`);
    for (const word of ["init", "remove"]) {
      const { code, stderr } = await run(["agent", word, "claude"]);
      assert.equal(code, 1);
      for (const file of ["AGENTS.md", ".claude/settings.json", ".mcp.json"]) {
        assert.match(stderr, new RegExp(`^left ${file} alone: it is a link to .*, outside of the project`, "m"));
      }
    }
    assert.deepEqual(await filesIn(outside.path), { profile: "export A=1\n", "settings.json": "{}\n" });
    await Deno.remove(`${cwd}/AGENTS.md`);
    await Deno.symlink("agents.txt", `${cwd}/AGENTS.md`);
    await run(["agent", "init", "claude"]);
    assert.match(await Deno.readTextFile(`${cwd}/agents.txt`), /^# Ours\n[^]*portd/, "a link within it is followed");
  },
);

commandTest(
  "agent init waits for no pipe, and leaves alone what is no file or longer than one is",
  async ({ run, cwd }) => {
    await Deno.mkdir(`${cwd}/AGENTS.md`);
    await Deno.writeTextFile(`${cwd}/.mcp.json`, `{}${" ".repeat(1 << 20)}`);
    const { code, stderr } = await run(["agent", "init", "claude"]);
    assert.equal(code, 1);
    assert.match(stderr, /^left AGENTS\.md alone: it is no regular file; move it away$/m);
    assert.match(stderr, /^left \.mcp\.json alone: Cannot read .* longer than 1048576 bytes; enter portd by hand$/m);
    if (Deno.build.os === "windows") return; // it has no pipes in folders
    await Deno.mkdir(`${cwd}/.vscode`);
    for (const file of [".vscode/mcp.json", "package.json", "pnpm-lock.yaml"]) {
      // Whoever opens the pipe gets something from it, so that a test of what waits for it ends.
      const script = `mkfifo '${cwd}/${file}'; echo opened; echo '{}' > '${cwd}/${file}'; echo read`;
      const writer = new Deno.Command("sh", { args: ["-c", script], stdout: "piped" }).spawn();
      const lines = writer.stdout.pipeThrough(new TextDecoderStream()).getReader();
      assert.equal((await lines.read()).value, "opened\n");
      await run(["agent", "init", "vscode"]);
      writer.kill();
      assert.equal((await lines.read()).value, undefined, `${file} was read`);
      await writer.status;
    }
  },
);

commandTest("agent worktree leases the ports of a worktree, and does nothing without a portd.yaml", async (setting) => {
  const { run, cwd, daemon } = setting;
  assert.deepEqual(await run(["agent", "worktree"]), { code: 0, stdout: "", stderr: "" });
  await Deno.writeTextFile(`${cwd}/portd.yaml`, "services: { web: { env: PORT } }");
  const { code, stdout } = await run(["agent", "worktree"]);
  assert.deepEqual([code, stdout], [0, `PORT=${daemon.leases[0]!.port}\n`]);
});
