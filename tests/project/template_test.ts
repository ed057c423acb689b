import assert from "node:assert/strict";
import fc from "fast-check";
import { fillTemplate, readTemplate } from "../../src/project/template.ts";

const SERVICES = new Set(["web", "db"]);
const FILLING = {
  project: "shop",
  branch: "login",
  slot: "shop_login",
  port: (service: string | undefined) => service === "db" ? 5432 : 5173,
  url: (service: string) => `http://localhost/${service}`,
};

function fill(text: string, isOwn = false): string {
  const template = readTemplate(text, SERVICES, { isOwn });
  assert.ok(typeof template !== "string", String(template));
  return fillTemplate(template, FILLING);
}

Deno.test("placeholders are filled, and all other braces are text", () => {
  const texts = {
    "postgres://localhost:{port:db}/{slot}": "postgres://localhost:5432/shop_login",
    "{project} {branch} {url:web}": "shop login http://localhost/web",
    '{"a": {"b": {port:web}}}': '{"a": {"b": 5173}}',
    "{{port:db}}": "{port:db}}",
    "{} {1} {A}": "{} {1} {A}",
    "": "",
  };
  for (const [text, filled] of Object.entries(texts)) assert.equal(fill(text), filled);
  assert.equal(fill("http://{host}:{port}/", true), "http://localhost:5173/");
});

Deno.test("a text without braces stays as it is, and any text is filled or refused in words", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    const template = readTemplate(text, SERVICES);
    if (typeof template === "string") assert.match(template, /is no placeholder|names no service/);
    else if (!text.includes("{")) assert.equal(fillTemplate(template, FILLING), text);
  }));
});
