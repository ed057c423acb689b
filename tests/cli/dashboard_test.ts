/** `portd dashboard`: what is opened, what is printed, and what is said where there is no browser or no token. */
import assert from "node:assert/strict";
import { portd } from "../support/cli.ts";
import { FakeDaemon, TOKEN } from "../support/fake_daemon.ts";

/** Runs the command against a daemon. @returns also the addresses that were opened. */
async function dashboard(
  daemon: FakeDaemon,
  args: readonly string[] = [],
  { token = TOKEN, obstacle }: { readonly token?: string; readonly obstacle?: string } = {},
) {
  const opened: string[] = [];
  const outcome = await portd(["dashboard", ...args], {
    env: { PORTD_URL: daemon.url, ...(token && { PORTD_TOKEN: token }) },
    openBrowser(address) {
      opened.push(address);
      return Promise.resolve(obstacle);
    },
  });
  return { ...outcome, opened };
}

const withCode = (daemon: FakeDaemon) => new RegExp(`^${RegExp.escape(daemon.url)}/#code=([0-9a-f]{40})\n?$`);

Deno.test("portd dashboard opens the page with a code in the fragment, which opens a session, and prints no secret", async () => {
  await using daemon = await FakeDaemon.open();
  const { code, stdout, stderr, opened: [address] } = await dashboard(daemon);
  assert.deepEqual([code, stdout, stderr], [0, "", `opened the dashboard at ${daemon.url}\n`]);
  const [, secret] = withCode(daemon).exec(address!)!;
  assert.notEqual(secret, TOKEN.slice(0, 40));
  assert.deepEqual(daemon.asked("POST", "/v1/dashboard/codes")[0]?.body, { anyUser: false });
  const answer = await fetch(`${daemon.url}/v1/dashboard/sessions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ code: secret }),
  });
  assert.equal(answer.status, 201);
  await answer.body?.cancel();
});

Deno.test("portd dashboard --print prints the address and opens nothing", async () => {
  await using daemon = await FakeDaemon.open();
  const { code, stdout, opened } = await dashboard(daemon, ["--print"]);
  assert.equal(code, 0);
  assert.match(stdout, withCode(daemon));
  assert.deepEqual(opened, []);
  assert.deepEqual(daemon.asked("POST", "/v1/dashboard/codes")[0]?.body, { anyUser: true });
  const { url, opened: isOpened, expiresAt } = JSON.parse((await dashboard(daemon, ["--print", "--json"])).stdout);
  assert.match(url, withCode(daemon));
  assert.equal(isOpened, false);
  assert.match(expiresAt, /^2026-11-23T10:01:/);
});

Deno.test("where no browser can be opened, portd dashboard says why and prints the address", async () => {
  await using daemon = await FakeDaemon.open();
  const { code, stdout, stderr } = await dashboard(daemon, [], { obstacle: "there is no desktop here" });
  assert.equal(code, 0);
  assert.match(stdout, withCode(daemon));
  assert.match(stderr, /^note: no browser was opened: there is no desktop here; open this address in one\n/);
  const bodies = daemon.asked("POST", "/v1/dashboard/codes").map(({ body }) => body);
  assert.deepEqual(bodies, [{ anyUser: false }, { anyUser: true }]);
});

Deno.test("without the daemon's token the page opens without a code, and whose token it takes is said", async () => {
  await using daemon = await FakeDaemon.open();
  const { code, stderr, opened } = await dashboard(daemon, [], { token: "" });
  assert.deepEqual([code, opened], [0, [`${daemon.url}/`]]);
  assert.match(
    stderr,
    /^opened the dashboard at .*\nnote: this is portd of .*, and its token is for that user \(.*\/admin\.token\): the page shows/s,
  );
});

Deno.test("a daemon that does not prove to know the token gets no code asked for, and nothing is opened", async () => {
  await using daemon = await FakeDaemon.open();
  const { code, stderr, opened } = await dashboard(daemon, [], { token: "f".repeat(64) });
  assert.equal(code, 6);
  assert.match(stderr, /^portd: Cannot /);
  assert.deepEqual([opened, daemon.asked("POST", "/v1/dashboard/codes")], [[], []]);
});
