/** The guard of an agent's shell: what it stops, and what it lets pass. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { findOffence } from "../../src/agent/guard.ts";
import { readCommands } from "../../src/agent/shell_words.ts";

const STOPPED = [
  "pkill -f vite",
  "pkill node",
  "/usr/bin/pkill -9 node",
  "sudo pkill -f 'next dev'",
  "killall node",
  "sudo -u me killall -9 node",
  "kill -9 $(lsof -ti :3000)",
  "kill -9 $(lsof -ti:3000)",
  'kill "$(lsof -t -i tcp:3000)"',
  "kill `lsof -ti :3000`",
  "kill -TERM $(pgrep -f vite)",
  "kill $(pidof node)",
  "kill $(ps aux | grep vite | awk '{print $2}')",
  "kill -9 $(ss -ltnp 'sport = :3000' | grep -oP 'pid=\\K\\d+')",
  "lsof -ti :3000 | xargs kill -9",
  "lsof -ti :3000 | xargs -r kill",
  "lsof -ti :3000 | xargs -n 1 sudo kill",
  "ps aux | grep node | awk '{print $2}' | xargs kill",
  "fuser -k 3000/tcp",
  "fuser -vk -n tcp 3000",
  "sudo fuser --kill 3000/tcp",
  "npx kill-port 3000",
  "npx -y kill-port@2 3000",
  "npx fkill-cli :3000",
  "cd app && pkill -f vite; npm run dev",
  "(pkill node)",
  "true || killall node &",
  "bash -c 'pkill -f vite'",
  'sh -lc "kill -9 $(lsof -ti :3000)"',
  "timeout 5 pkill node",
  "env A=b pkill node",
  "A=b pkill node",
  "if pgrep vite; then pkill vite; fi",
  "for p in 3000 3001; do fuser -k $p/tcp; done",
  "echo $(pkill node)",
  "kill -9 -1",
  "nohup pkill node >/dev/null 2>&1",
  "p\\kill node",
  "'pkill' node",
  "taskkill /F /IM node.exe",
  "taskkill.exe //IM node.exe //F".replaceAll("//", "/"),
  "Stop-Process -Name node -Force",
  "Get-Process node | Stop-Process",
  "Stop-Process -Id (Get-NetTCPConnection -LocalPort 3000).OwningProcess",
  "Get-NetTCPConnection -LocalPort 3000 | ForEach-Object { Stop-Process -Id $_.OwningProcess }",
];

const PASSING = [
  "git kill-stuff",
  "kill -l",
  "kill -L",
  "kill 4711",
  "kill -9 4711",
  "kill %1",
  "kill $!",
  'kill "$SERVER_PID"',
  "kill $(cat server.pid)",
  "echo pkill node",
  "echo 'pkill -f vite'",
  "grep -r pkill src",
  "git commit -m 'pkill node no more'",
  "man pkill",
  "which killall",
  "pkill -0 vite",
  "pgrep -f vite",
  "lsof -i :3000",
  "fuser 3000/tcp",
  "fuser -v 3000/tcp",
  "ps aux | grep node",
  "npm run kill-server",
  "docker kill web",
  "portd free web --yes",
  "# pkill node",
  "cat <<EOF\npkill node\nEOF",
  "cat > stop.sh <<'EOF'\nkill $(lsof -ti :3000)\nEOF\nchmod +x stop.sh",
  "skillet cook",
  "./pkill-wrapper.sh",
  "taskkill /PID 4711 /F",
  "Stop-Process -Id 4711",
  "",
  "((((",
  "'",
];

for (const text of STOPPED) {
  Deno.test(`the guard stops ${JSON.stringify(text)}`, () => assert.ok(findOffence(text) !== undefined));
}
for (const text of PASSING) {
  Deno.test(`the guard lets ${JSON.stringify(text)} pass`, () => assert.equal(findOffence(text), undefined));
}

Deno.test("the ports of a command are known", () => {
  const ports = (text: string) => findOffence(text)?.ports;
  assert.deepEqual(ports("kill -9 $(lsof -ti :3000)"), [3000]);
  assert.deepEqual(ports("fuser -k 3000/tcp 3001/udp"), [3000, 3001]);
  assert.deepEqual(ports("npx kill-port 5173"), [5173]);
  assert.deepEqual(ports("Stop-Process -Id (Get-NetTCPConnection -LocalPort 8080).OwningProcess"), [8080]);
  assert.deepEqual(ports("pkill -f vite"), []);
});

Deno.test("any text is read, and quotes hide no separator", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."ab $()`'\"\\;|&\n<>{}#-kil".split("")) }), (text) => {
      readCommands(text);
      findOffence(text);
    }),
    { numRuns: 2000 },
  );
  assert.deepEqual(readCommands("a 'b;c' \"d|e\"; f").map(({ words }) => words), [["a", "b;c", "d|e"], ["f"]]);
});

Deno.test("substitutions in each other without an end cost little", () => {
  assert.equal(findOffence("$(".repeat(30_000)), undefined);
  assert.equal(findOffence(`sh -c "${"sh -c '".repeat(5000)}`), undefined);
});
