import assert from "node:assert/strict";
import { appTest, HOST, TOKEN } from "../../support/app.ts";
import { browse } from "../../support/browser_page.ts";

const CONTENT_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

appTest("a browser gets the page at /, everybody else the list of calls", async (app) => {
  const page = await browse(app);
  assert.deepEqual([page.status, page.headers.get("content-type")], [200, "text/html; charset=utf-8"]);
  for (const accept of ["", "*/*", "application/json", "application/json, text/html;q=0.9"]) {
    const { headers, text } = await browse(app, "/", { accept });
    assert.equal(headers.get("content-type"), "application/json", accept);
    assert.equal(JSON.parse(text).name, "portd");
    assert.match(headers.get("vary") ?? "", /\bAccept\b/);
  }
  assert.match(page.headers.get("vary") ?? "", /\bAccept\b/);
});

appTest("the page may load and ask nothing but its own origin", async (app) => {
  const { headers, text } = await browse(app);
  assert.equal(headers.get("content-security-policy"), CONTENT_POLICY);
  assert.equal(headers.get("x-content-type-options"), "nosniff");
  assert.equal(headers.get("referrer-policy"), "no-referrer");
  assert.equal(headers.get("cross-origin-opener-policy"), "same-origin");
  assert.equal(headers.get("cross-origin-resource-policy"), "same-origin");
  assert.equal(headers.get("cache-control"), "no-store");
  assert.doesNotMatch(text, /<style|<script(?! type="module" src="\/dashboard\/)|\son\w+=|\sstyle=|javascript:/i);
});

appTest("every file that the page names is there, has a type, and is not sent twice", async (app) => {
  const { text } = await browse(app);
  const paths = [...text.matchAll(/(?:href|src)="(\/dashboard\/[^"]+)"/g)].map(([, path]) => path!);
  assert.ok(paths.length >= 5, text);
  for (const path of paths) {
    const headers = { accept: "*/*", "sec-fetch-site": "same-origin", "sec-fetch-mode": "no-cors" };
    const file = await browse(app, path, headers);
    assert.equal(file.status, 200, path);
    const type = TYPES[path.slice(path.lastIndexOf("."))];
    assert.equal(file.headers.get("content-type"), type, path);
    assert.match(file.headers.get("cache-control") ?? "", /immutable/);
    for (const [, name] of file.text.matchAll(/from "\.\/([^"]+)"/g)) {
      assert.ok(
        paths.some((each) => each.endsWith(`/${name}`)),
        `${path} imports ${name}, which the page does not name`,
      );
    }
    const again = await browse(app, path, { ...headers, "if-none-match": file.headers.get("etag")! });
    assert.deepEqual([again.status, again.text], [304, ""]);
  }
});

appTest("a file of another version, or of no such name, is not found", async (app) => {
  for (const path of ["/dashboard/0/main.js", "/dashboard/main.js", "/dashboard/0/..%2f..%2fmain.ts"]) {
    assert.equal((await browse(app, path, { accept: "*/*" })).status, 404, path);
  }
});

appTest("a link of another site leads to a page without data, a frame to none", async (app) => {
  await app.call("/v1/leases", { body: { name: "secret-project" } });
  assert.match((await browse(app)).text, /secret-project/);
  for (const site of ["cross-site", "same-site"]) {
    const { status, text } = await browse(app, "/", { "sec-fetch-site": site });
    assert.equal(status, 200, site);
    assert.doesNotMatch(text, /secret-project/);
    assert.match(text, /<a href="\/"/);
    for (const dest of ["iframe", "frame", "embed", "object", "", "script"]) {
      const framed = await browse(app, "/", { "sec-fetch-site": site, "sec-fetch-dest": dest });
      assert.deepEqual([framed.status, JSON.parse(framed.text).code], [403, "forbidden_origin"], `${site} ${dest}`);
    }
    const fetched = await browse(app, "/", { "sec-fetch-site": site, "sec-fetch-mode": "cors" });
    assert.equal(fetched.status, 403);
  }
});

appTest("a name that leads to this address gets nothing", async (app) => {
  for (const host of ["evil.example", "evil.example:7678", "localhost"]) {
    const { status, text } = await browse(app, "/", { host });
    assert.deepEqual([status, JSON.parse(text).code], [421, "misdirected_host"]);
    assert.equal((await browse(app, "/", { host, "sec-fetch-site": "cross-site" })).status, 421);
  }
  const { status } = await browse(app, "/", { origin: "http://evil.example" });
  assert.equal(status, 403);
  assert.equal((await browse(app, "/", { origin: `http://${HOST}` })).status, 200);
});

appTest("with auth.anonymous none the page has no data", async (app) => {
  assert.equal((await app.call("/v1/leases", { body: { name: "secret-project" }, token: TOKEN })).status, 201);
  const { status, text } = await browse(app);
  assert.equal(status, 200);
  assert.doesNotMatch(text, /secret-project|ports are free/);
}, { anonymous: "none" });
