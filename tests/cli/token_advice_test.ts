import assert from "node:assert/strict";
import { type Files, withTokenAdvice } from "../../src/cli/token_advice.ts";
import { PortdError } from "../../src/errors.ts";
import { commandTest } from "../support/command_setting.ts";

const FILE = "/var/lib/portd/admin.token";
const CALLER = { args: ["open", "my web"], env: {}, os: "linux", isRoot: false } as const;

/** Files with their owners; others cannot be seen. */
function filesOf(owners: Readonly<Record<string, number>>, uid = 1000): Files {
  return {
    uid,
    stat(path) {
      const owner = owners[path];
      if (owner === undefined) throw new Deno.errors.PermissionDenied(path);
      return { uid: owner };
    },
  };
}

function advised(caller: Partial<Parameters<typeof withTokenAdvice>[1]>, files: Files, flags = {}, file = FILE) {
  const message = `Cannot do this without the scope "expose": send the token; the token is in ${file}`;
  const error = new PortdError("scope_required", message, { scope: "expose", tokenFile: file });
  return withTokenAdvice(error, { ...CALLER, ...caller }, { flags, files });
}

Deno.test("where the token is root's, the command to run with sudo is named", () => {
  const error = advised({}, filesOf({ "/var/lib/portd": 0, "/var/lib": 0 }));
  assert.equal(
    error.message,
    `Cannot do this without the scope "expose": its token is for root (${FILE}); run it as root: sudo portd open 'my web'`,
  );
  assert.deepEqual([error.code, error.data.command], ["scope_required", "sudo portd open 'my web'"]);
});

Deno.test("where the token is another user's, that user is named; root and that user name the state folder", () => {
  const file = "/home/me/.local/state/portd/admin.token", args = ["open", "25565"];
  const folders = { "/home/me": 1002, "/home": 0 };
  assert.match(
    advised({ args }, filesOf(folders), {}, file).message,
    /run it as user 1002: sudo -u '#1002' portd open/,
  );
  const own = "portd open 25565 --state-dir /home/me/.local/state/portd";
  for (const [isRoot, uid] of [[true, 0], [false, 1002]] as const) {
    const error = advised({ args, isRoot }, filesOf({ ...folders, [file]: 1002 }, uid), {}, file);
    assert.ok(error.message.endsWith(`the daemon has another state folder, so name it: ${own}`), error.message);
  }
});

Deno.test("where no command would have the token, its variable is named", () => {
  const root = filesOf({ "/var/lib/portd": 0 });
  const nowhere: Files = {
    uid: 1000,
    stat() {
      throw new Deno.errors.NotFound();
    },
  };
  const cases = [
    advised({}, root, { url: "http://127.0.0.1:7678" }),
    advised({ env: { PORTD_URL: "http://127.0.0.1:7678" } }, root),
    advised({ os: "windows" }, root),
    advised({}, nowhere),
  ];
  for (const { message, data } of cases) {
    assert.match(message, /: give the token in \/var\/lib\/portd\/admin\.token as PORTD_TOKEN$/);
    assert.equal(data.command, undefined);
  }
  const odd = advised({}, root, {}, "/etc/passwd");
  assert.ok(odd.message.endsWith("; the token is in /etc/passwd"), "no file of that name is looked at");
});

commandTest("a command without the token says what a user can do", async (setting) => {
  const { run, env } = setting;
  const { code, stderr } = await run(["export"], { env: { ...env, PORTD_TOKEN: "" } });
  assert.equal(code, 6);
  assert.equal(
    stderr,
    'portd: Cannot do this without the scope "expose": give the token in /nowhere/state/admin.token as PORTD_TOKEN\n',
  );
});
