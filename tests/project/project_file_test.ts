/** portd.yaml. */
import assert from "node:assert/strict";
import { neededBy, parseProjectFile } from "../../src/project/project_file.ts";

Deno.test("services have requests and variables", () => {
  const text = `services:
  web: { env: PORT, prefer: 5173 }
  my-api: { prefer: [8080, 8081], range: 8000-8999, hold: none }
  dns: { protocols: [udp], port: 5353 }
  plain:
`;
  const services = parseProjectFile(text, "portd.yaml").services.map(({ request, variable }) => ({
    request,
    variable,
  }));
  assert.deepEqual(services, [
    { request: { name: "web", prefer: [5173] }, variable: "PORT" },
    {
      request: { name: "my-api", prefer: [8080, 8081], range: { first: 8000, last: 8999 }, hold: "none" },
      variable: "MY_API_PORT",
    },
    { request: { name: "dns", protocols: ["udp"], port: 5353 }, variable: "DNS_PORT" },
    { request: { name: "plain" }, variable: "PLAIN_PORT" },
  ]);
});

const FAULTS = [
  ["services:\n  web: { evn: PORT }", 'portd.yaml:2:10: there is no key "evn" here; did you mean "env"?'],
  ["service: {}", 'portd.yaml:1:1: there is no key "service" here; did you mean "services"?'],
  ["services:\n  web: { env: 1X }", 'portd.yaml:2:15: "env" must be the name of an environment variable'],
  ["services:\n  web: { port: 0 }", 'portd.yaml:2:16: "port" must be a port from 1 to 65535, got 0'],
  ["services:\n  web: { prefer: [1, x] }", '"prefer" must be a port, or a list'],
  ["services:\n  web: { range: 9-1 }", '"range" must be a range of ports like 3000-3999'],
  ["services:\n  web: { protocols: [tcp, tcp] }", '"protocols" must be [tcp], [udp] or [tcp, udp]'],
  ["services:\n  web: { hold: hard }", '"hold" must be soft or none'],
  ["services:\n  web: 5173", 'portd.yaml:2:8: service "web" must be a map'],
  ["services:\n  'a b': {}", 'portd.yaml:2:3: service "a b" must be'],
  ["services:\n  a: { env: X }\n  b: { env: X }", "portd.yaml:3:6: X is the variable of another service already"],
  ["services: {}", 'must have a map "services" with at least one service'],
  ["services: { web: }\nshare: [db]", 'portd.yaml:2:8: "share" must be a list of services of this file, got ["db"]'],
  ["services: { web: }\nshare: web", '"share" must be a list of services of this file, got "web"'],
  ["services: { web: }\nvalues: [1]", 'portd.yaml:2:9: "values" must be a map'],
  ["services: { web: }\nvalues: { 1X: a }", '"1X" must be the name of an environment variable'],
  ["services: { web: }\nvalues: { WEB_PORT: a }", "WEB_PORT is the variable of the service web already"],
  ["services: { web: }\nvalues: { A: [1] }", "portd.yaml:2:14: must be a text of one line, got [1]"],
  ["services: { web: }\nvalues: { A: '{port:api}' }", "{port:api} names no service; known: web"],
  ["services: { web: }\nvalues: { A: '{port}' }", "{port} is no placeholder; known: {port:NAME} {url:NAME}"],
  ["services: { web: }\nvalues: { A: '{prot:web}' }", "{prot:web} is no placeholder"],
  ["services: { web: { url: 'nowhere' } }", '"url" must be an address like "http://{host}:{port}/admin"'],
  ["services: { web: { url: 'http://{url:web}' } }", '"url" cannot have {url:NAME} in it'],
  ["", 'must have a map "services" with at least one service'],
  ["services: [", "portd.yaml:1:"],
] as const;

for (const [text, message] of FAULTS) {
  Deno.test(`${JSON.stringify(text)} is refused with the place and what would work`, () => {
    assert.throws(() => parseProjectFile(text, "portd.yaml"), (error) => {
      assert.ok(error instanceof Error && error.message.includes(message), (error as Error).message);
      return true;
    });
  });
}

Deno.test("a message has no more than the beginning of a long value, and no guess for an empty one", () => {
  const long = "x".repeat(100_000);
  for (
    const text of [
      `services: { web: { framework: ${long} } }`,
      `services: { web: { ${long}: 1 } }`,
      `services: { "${long}": }`,
      `services: { web: }\nvalues: { "${long}-": a }`,
      `services: { web: }\nshare: ${long}`,
      `services: { web: }\nvalues: { A: ["${long}"] }`,
    ]
  ) {
    assert.throws(() => parseProjectFile(text, "portd.yaml"), (error) => {
      assert.ok(error instanceof Error && error.message.includes("xxx…") && error.message.length < 1000);
      return true;
    });
  }
  assert.throws(() => parseProjectFile("services: { web: { framework: } }", "portd.yaml"), /got null; known: vite, /);
});

Deno.test("what values and addresses speak of is known", () => {
  const file = parseProjectFile(
    `services:
  web: { url: "http://{host}:{port}/?api={port:api}" }
  api:
  db:
values: { A: "{url:web}", B: "{slot}" }
`,
    "portd.yaml",
  );
  assert.deepEqual([...neededBy(file, [])].sort(), ["api", "web"]);
  assert.deepEqual([...neededBy({ ...file, values: [] }, ["db"])], ["db"]);
});
