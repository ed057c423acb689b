import assert from "node:assert/strict";
import { environmentName, loadConfig } from "../src/config.ts";
import { SETTINGS, splitAddress } from "../src/settings.ts";
import { closest } from "../src/suggest.ts";
import { CONFIG } from "./support/domain.ts";

const base = { flags: {}, env: {}, stateDir: "/nowhere/portd" };

async function withFile<T>(text: string, use: (file: string) => Promise<T>): Promise<T> {
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(file, text);
    return await use(file);
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("loadConfig() gives the documented defaults", async () => {
  const { config, sources, file, warnings } = await loadConfig(base);
  assert.deepEqual(config, {
    ...CONFIG, // with the default of everything but what follows
    listen: "127.0.0.1:7678",
    stateDir: "/nowhere/portd",
    pool: [{ first: 20000, last: 29999 }],
    firewall: { ...CONFIG.firewall, backend: "auto" },
    gateway: { ...CONFIG.gateway, protocol: "auto" },
    stun: [
      { host: "stun.cloudflare.com", port: 3478 },
      { host: "stun.l.google.com", port: 19302 },
      { host: "stun.nextcloud.com", port: 3478 },
    ],
  });
  assert.ok(Object.values(sources).every((source) => source === "default"));
  assert.equal(file, null);
  assert.deepEqual(warnings, []);
});

Deno.test("loadConfig() has another address and another pool in WSL, and what is set goes before them", async () => {
  const wsl = { ...base, isWsl: true };
  const { config, sources } = await loadConfig(wsl);
  assert.deepEqual([config.listen, config.pool], ["127.0.0.1:7688", [{ first: 10_000, last: 19_999 }]]);
  assert.deepEqual([sources.listen, sources.pool, sources.claimMs], ["default in WSL", "default in WSL", "default"]);
  const { config: elsewhere } = await loadConfig(base);
  assert.ok(config.pool[0]!.last < elsewhere.pool[0]!.first);
  assert.notEqual(config.listen, elsewhere.listen);
  const { config: set, sources: from } = await loadConfig({ ...wsl, flags: { pool: "30100-30199" } });
  assert.deepEqual([set.pool, from.pool], [[{ first: 30_100, last: 30_199 }], "flag"]);
});

Deno.test("loadConfig() puts flags before environment before file before defaults, and says where each comes from", async () => {
  await withFile("cooldownMs: 1\ngraceMs: 2\nclaimMs: 3000\nauth:\n  anonymous: none\n", async (file) => {
    const env = { PORTD_COOLDOWN_MS: "10", PORTD_GRACE_MS: "20" };
    const { config, sources } = await loadConfig({ ...base, env, file, flags: { cooldownMs: "100" } });
    assert.deepEqual([config.cooldownMs, config.graceMs, config.claimMs], [100, 20, 3000]);
    assert.equal(config.auth.anonymous, "none");
    assert.deepEqual([sources.cooldownMs, sources.graceMs, sources.claimMs, sources.watchMs], [
      "flag",
      "PORTD_GRACE_MS",
      `${file}:3:10`,
      "default",
    ]);
  });
});

Deno.test("loadConfig() takes durations as the command line does, and numbers alone as milliseconds", async () => {
  await withFile("cooldownMs: 1m\nclaimMs: 1h30m\ngraceMs: 0\nfirewall: { syncMs: 90s }\n", async (file) => {
    const env = { PORTD_PROCESS_GRACE_MS: "2s", PORTD_WATCH_MS: "500" };
    const { config } = await loadConfig({ ...base, env, file });
    assert.deepEqual([config.cooldownMs, config.claimMs, config.graceMs], [60_000, 5_400_000, 0]);
    assert.deepEqual([config.processGraceMs, config.watchMs, config.firewall.syncMs], [2000, 500, 90_000]);
    const { config: flagged } = await loadConfig({ ...base, env, file, flags: { cooldownMs: "250ms" } });
    assert.equal(flagged.cooldownMs, 250);
  });
});

Deno.test("loadConfig() takes pools as text, as a list and as first and last", async () => {
  for (const text of ["pool: 3000-3009,4000", 'pool: ["3000-3009", 4000]', "pool: [{first: 3000, last: 3009}, 4000]"]) {
    const { config } = await withFile(text, (file) => loadConfig({ ...base, file }));
    assert.deepEqual(config.pool, [{ first: 3000, last: 3009 }, { first: 4000, last: 4000 }], text);
  }
});

const REFUSED: [text: string, message: RegExp][] = [
  ["coldownMs: 1", /:1:1\): there is no such setting; did you mean "cooldownMs"\?/],
  ["graceMs: 1\nauth:\n  anonymus: none", /"auth\.anonymus" \(.*:3:3\).*did you mean "auth\.anonymous"\?/],
  ["graceMs: -1", /"graceMs" \(.*:1:10\): must be a duration from 0ms to 365d, like "1m" or 60000 .*got "-1"/],
  ["graceMs: 1.5", /must be a duration/],
  ["graceMs: .nan", /must be a duration/],
  ["graceMs: 1 minute", /must be a duration from 0ms to 365d, like "1m" .*got "1 minute"/],
  ["watchMs: 2m", /"watchMs" .*must be a duration from 50ms to 1m, .*got "2m"/],
  ["firewall:\n  syncMs: 999ms", /"firewall.syncMs" .*:2:11\): must be a duration from 1s to 365d/],
  ["pool: 0-10", /must be ranges of ports from 1 to 65535/],
  ["pool: 30-20", /must be ranges/],
  ["pool: 65536", /must be ranges/],
  ["pool: ''", /must be ranges/],
  ["listen: nowhere", /must be an address like/],
  ["listen: 127.0.0.1:70000", /must be an address like/],
  ["auth: {anonymous: everybody}", /must be "lease" or "none", got "everybody"/],
  ["- a\n- b", /:1:1: must be a map/],
  ["a: [1", /:1:\d+: /],
  ["graceMs: 1\ngraceMs: 2", /:2:1: .*unique/i],
];

for (const [text, message] of REFUSED) {
  Deno.test(`loadConfig() refuses ${JSON.stringify(text)} with its place and what would work`, async () => {
    await withFile(text, (file) => assert.rejects(loadConfig({ ...base, file }), { code: "invalid_request", message }));
  });
}

Deno.test("loadConfig() refuses a configuration file that was named and is not there", async () => {
  await assert.rejects(loadConfig({ ...base, file: "/nowhere/config.yaml" }), /Cannot read the configuration/);
});

Deno.test("loadConfig() names the environment variable of a bad value and warns of unknown ones", async () => {
  await assert.rejects(loadConfig({ ...base, env: { PORTD_WATCH_MS: "soon" } }), /"watchMs" \(PORTD_WATCH_MS\)/);
  const { warnings } = await loadConfig({ ...base, env: { PORTD_GRACE: "1", PORTD_URL: "x", OTHER: "y" } });
  assert.deepEqual(warnings, ["PORTD_GRACE is no setting of portd; did you mean PORTD_GRACE_MS?"]);
});

Deno.test("environmentName() follows the documented rule for every setting", () => {
  assert.equal(environmentName("cooldownMs"), "PORTD_COOLDOWN_MS");
  assert.equal(environmentName("auth.anonymous"), "PORTD_AUTH_ANONYMOUS");
  assert.equal(new Set(Object.keys(SETTINGS).map(environmentName)).size, Object.keys(SETTINGS).length);
});

Deno.test("splitAddress() takes what it documents and nothing else", () => {
  assert.deepEqual(splitAddress("[::1]:80"), { host: "::1", port: 80 });
  for (const text of ["", "80", ":80", "a:b", "::1:80", "a:65536"]) assert.equal(splitAddress(text), undefined);
});

Deno.test("closest() finds what was meant and leaves the rest alone", () => {
  assert.equal(closest("lable", ["label", "limit"]), "label");
  assert.equal(closest("zzz", ["label", "limit"]), undefined);
});
