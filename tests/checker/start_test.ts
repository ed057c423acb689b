/** What a checker loads: it starts without the daemon. */
import assert from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url).href;

/** Every file of ours that is loaded with these, by static imports of values. */
async function loadedWith(files: readonly string[]): Promise<ReadonlySet<string>> {
  const loaded = new Set<string>(), left = [...files];
  for (let file = left.pop(); file !== undefined; file = left.pop()) {
    if (loaded.has(file)) continue;
    loaded.add(file);
    const text = await Deno.readTextFile(new URL(file, ROOT));
    for (const [, path] of text.matchAll(/^(?:import|export)(?! type\b)[^"]*?"(\.[^"]+)";$/gm)) {
      left.push(new URL(path!, ROOT + file).href.slice(ROOT.length));
    }
  }
  return loaded;
}

Deno.test("a checker loads nothing of the daemon, and little else", async () => {
  const loaded = await loadedWith(["src/checker/serve.ts", "routes/checker.ts"]);
  assert.ok(loaded.has("src/checker/dial.ts") && loaded.has("routes/problem.ts"));
  const others = [...loaded].filter((file) => !file.startsWith("src/checker/") && !file.startsWith("routes/"));
  assert.deepEqual(others.sort(), [
    "src/clock.ts",
    "src/errors.ts",
    "src/firewall/networks.ts",
    "src/header_field.ts",
    "src/os/address.ts",
    "src/os/broken_connection.ts",
    "src/os/datagrams.ts",
    "src/os/wildcard.ts",
    "src/port/port.ts",
    "src/suggest.ts",
    "src/wait.ts",
  ]);
  const routes = [...loaded].filter((file) => file.startsWith("routes/"));
  assert.deepEqual(routes.sort(), ["routes/check.ts", "routes/checker.ts", "routes/headers.ts", "routes/problem.ts"]);
});
