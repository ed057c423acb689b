/** The whole log of a daemon at its most talkative: no token, and no line that a caller has made. */
import assert from "node:assert/strict";
import { openLog } from "../../src/daemon/log.ts";
import { LOG_FORMATS, type LogFormat } from "../../src/log_line.ts";
import { startTestDaemon } from "../support/daemon.ts";
import { temporaryFolder } from "../support/folder.ts";

/** Texts that try to begin a line of the log, in text and as JSON. */
const FORGERIES = [
  "web\n2026-11-29T00:00:00.000Z [ERROR] portd: FORGED",
  'web"}\n{"time":"2026-11-29T00:00:00.000Z","level":"error","message":"FORGED"}',
  "web\r\u2028FORGED\u0085FORGED\u202eDEGROF",
];

/** Everything that a caller can write the token, or a forgery, into. @returns how many requests were sent. */
async function misuse(url: string, token: string): Promise<number> {
  let requests = 0;
  const send = async (path: string, init: RequestInit = {}) => {
    requests++;
    const id = requests % 2 === 0 ? token : "ci-4711";
    const headers = { "content-type": "application/json", "x-request-id": id, ...init.headers };
    const response = await fetch(`${url}${path}`, { ...init, headers });
    await response.body?.cancel();
  };
  const authorization = `Bearer ${token}`;
  for (const text of [token, ...FORGERIES]) {
    const name = encodeURIComponent(text);
    await send("/v1/leases", { method: "POST", body: JSON.stringify({ name: text, project: text }) });
    await send("/v1/leases", { method: "POST", body: JSON.stringify({ [text]: text }) });
    await send("/v1/leases", { method: "POST", body: text });
    await send("/v1/leases", {
      method: "POST",
      body: JSON.stringify({ labels: { a: text }, holder: { id: text, command: text, cwd: `/${text}` } }),
    });
    for (const path of [`/${name}`, `/v1/leases/${name}`, `/v1/leases/by-name/${name}`, `/v1/status?${name}=${name}`]) {
      await send(path);
      await send(path, { headers: { authorization } });
      await send(path, { headers: { authorization: `Bearer ${token}x` } });
    }
  }
  await send("/v1/export", { headers: { authorization } });
  await send("/metrics", { headers: { authorization } });
  return requests;
}

async function logOfSession(format: LogFormat) {
  await using folder = await temporaryFolder();
  const stateDir = `${folder.path}/state`, path = `${folder.path}/daemon.log`;
  let token = "", requests = 0;
  {
    await using log = await openLog(path, { level: "debug", format });
    await using daemon = await startTestDaemon(stateDir, {}, { log: log.line, details: log.details });
    token = (await Deno.readTextFile(`${stateDir}/admin.token`)).trim();
    requests = await misuse(daemon.url, token);
    log.line(`a path with ${token} that a part of the daemon logs`); // not through the daemon: it must stay
  }
  return { lines: (await Deno.readTextFile(path)).trimEnd().split("\n"), token, requests };
}

for (const format of LOG_FORMATS) {
  Deno.test(`as ${format}, the log of a whole session has no token, and one line for each request`, async () => {
    const { lines, token, requests } = await logOfSession(format);
    assert.match(token, /^[0-9a-f]{64}$/);
    const withToken = lines.filter((line) => line.includes(token));
    assert.deepEqual(withToken.filter((line) => !line.includes("a path with")), []);
    assert.equal(withToken.length, 1, "the search finds one that is there");
    const isLine = format === "json" ? isDocument : isText;
    assert.deepEqual(lines.filter((line) => !isLine(line)), []);
    assert.deepEqual(lines.filter((line) => /FORGED/.test(line) && !/\bfrom\b/.test(line)), []);
    const ofRequests = lines.filter((line) => / (?:unmatched|\/[\w{}/.-]*) \d{3}\b/.test(line));
    assert.equal(ofRequests.length, requests);
    assert.ok(requests > 60);
    assert.ok(ofRequests.some((line) => line.includes("ci-4711")), "an id that is no secret is written");
  });
}

/** The test of the log itself looks for control characters. */
function isText(line: string): boolean {
  return /^\d{4}-\d\d-\d\dT[\d:.]+Z \[(?:error|warning|info|debug)\] portd: .+$/.test(line);
}

function isDocument(line: string): boolean {
  const { time, level, message } = JSON.parse(line);
  return /^\d{4}-/.test(time) && /^(?:error|warning|info|debug)$/.test(level) && typeof message === "string";
}
