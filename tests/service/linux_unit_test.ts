import assert from "node:assert/strict";
import fc from "fast-check";
import type { ServiceDefinition } from "../../src/service/service.ts";
import {
  isOwnUnit,
  readCommand,
  serviceEnvironment,
  type UnitOptions,
  writeUnit,
} from "../../src/service/linux/unit.ts";
import { parseCommand, quoteCommand, quoteWord } from "../../src/service/linux/unit_syntax.ts";
import { VERSION } from "../../src/version.ts";

const UNITS = new URL("../testdata/linux/units/", import.meta.url);
const BINARY: ServiceDefinition = {
  self: ["/usr/local/bin/portd"],
  words: ["--state-dir", "/var/lib/portd"],
  stateDir: "/var/lib/portd",
  reserve: [],
};
const SOURCE: ServiceDefinition = {
  ...BINARY,
  self: ["/root/.npm/deno", "run", "--allow-net", "file:///opt/port%20d/main.ts"],
  words: ["--state-dir", "/srv/100% $HOME", "--set", 'a="b c"'],
  stateDir: "/srv/100% $HOME",
};
const SYSTEM: UnitOptions = { isUser: false, env: {} };

const GOLDEN: Readonly<Record<string, readonly [ServiceDefinition, UnitOptions]>> = {
  "system.service": [BINARY, SYSTEM],
  "source.service": [SOURCE, { isUser: false, env: { HOME: "/root", DENO_DIR: "/var/cache/deno dir" } }],
  "tmp.service": [{ ...BINARY, self: ["/tmp/portd"] }, SYSTEM],
  "user.service": [
    { ...BINARY, words: ["--state-dir", "/home/ada/state"], stateDir: "/home/ada/state" },
    { isUser: true, env: {} },
  ],
};

for (const [name, [definition, options]] of Object.entries(GOLDEN)) {
  Deno.test(`the unit is as in ${name}, and its command is read back`, async () => {
    const text = writeUnit(definition, options);
    assert.equal(text.replaceAll(VERSION, "VERSION"), await Deno.readTextFile(new URL(name, UNITS)));
    assert.ok(isOwnUnit(text));
    assert.deepEqual(readCommand(text), [...definition.self, "service", "run", ...definition.words]);
  });
}

const character = fc.oneof(
  fc.string({ unit: "binary", minLength: 1, maxLength: 1 }).filter((text) => text !== "\0" && !/\p{Cs}/u.test(text)),
  fc.constantFrom(..."%$\\\"' ;{}\n\t/nx0"),
);
const word = fc.array(character, { maxLength: 12 }).map((characters) => characters.join(""));

Deno.test("every command that is written is read back", () => {
  fc.assert(fc.property(fc.array(word), (args) => {
    const text = quoteCommand(["/usr/bin/p %$d", ...args]);
    assert.deepEqual(parseCommand(text), ["/usr/bin/p %$d", ...args]);
    assert.ok(!text.includes("\n"));
  }));
});

Deno.test("what has a meaning to systemd is quoted: manual pages systemd.syntax(7), systemd.service(5)", () => {
  const quoted = {
    "/var/lib/portd": "/var/lib/portd",
    "a=b,c:d@e+f-1.2_3": "a=b,c:d@e+f-1.2_3",
    "": '""',
    ";": '";"',
    "#": '"#"',
    "a b": '"a b"',
    "100%": '"100%%"',
    "it's": '"it\'s"',
    'a"b\\c': '"a\\"b\\\\c"',
    "a\nb\x7f": '"a\\x0ab\\x7f"',
  };
  assert.deepEqual(Object.fromEntries(Object.keys(quoted).map((text) => [text, quoteWord(text)])), quoted);
  assert.equal(quoteCommand(["/a$b", "$HOME", "${X}"]), '"/a$b" "$$HOME" "$${X}"');
});

Deno.test("a command that somebody else has written is read where it is plain, and else not", () => {
  assert.deepEqual(readCommand("[Service]\nExecStart=/bin/portd  serve \n"), ["/bin/portd", "serve"]);
  assert.equal(readCommand("[Service]\nExecStart=/bin/portd 'a b'\n"), null);
  assert.equal(readCommand('[Service]\nExecStart=/bin/portd "open\n'), null);
  assert.equal(readCommand("[Service]\n"), null);
  assert.equal(isOwnUnit("[Service]\nExecStart=/bin/portd serve\n"), false);
});

Deno.test("deno run gets what it needs to find its modules, and no password; a compiled program gets nothing", () => {
  const env = {
    HOME: "/root",
    DENO_DIR: "/var/cache/deno",
    XDG_CACHE_HOME: "",
    NPM_CONFIG_REGISTRY: "https://me:secret@registry.example/",
    PATH: "/bin",
  };
  assert.deepEqual(serviceEnvironment(["/bin/deno", "run", "/main.ts"], env), {
    HOME: "/root",
    DENO_DIR: "/var/cache/deno",
  });
  assert.deepEqual(serviceEnvironment(["/usr/local/bin/portd"], env), {});
});
