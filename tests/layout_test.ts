/** The layout: imports run downwards. Every import counts, those of types and those that run later too. */
import assert from "node:assert/strict";
import { dirname, relative } from "node:path";

const ROOT = new URL("..", import.meta.url).pathname;

/** Pairs of folders that may import each other all the same, each with the reason. */
const EXCEPTIONS: readonly { readonly folders: readonly [string, string]; readonly reason: string }[] = [];

/** Every file of the program with the files that it imports. */
async function readImports(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const imports = new Map<string, ReadonlySet<string>>();
  for (const folder of ["src", "routes"]) {
    for await (const file of filesBelow(`${ROOT}${folder}`)) {
      const text = (await Deno.readTextFile(file)).replaceAll(/^ +\*.*$/gm, ""); // without the examples in comments
      const found = [...text.matchAll(/(?:\bfrom|\bimport|\bimport\(|\?|:)\s*"(\.{1,2}\/[^"]+\.ts)"/g)];
      imports.set(
        relative(ROOT, file),
        new Set(found.map(([, path]) => relative(ROOT, new URL(path!, `file://${file}`).pathname))),
      );
    }
  }
  return imports;
}

async function* filesBelow(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* filesBelow(`${folder}/${name}`);
    else if (name.endsWith(".ts")) yield `${folder}/${name}`;
  }
}

/** The files of one circle, if there is one, in the order in which they import each other. */
function findCircle(imports: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] | undefined {
  const finished = new Set<string>();
  const visit = (file: string, path: readonly string[]): readonly string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (finished.has(file)) return undefined;
    for (const next of imports.get(file) ?? []) {
      const circle = visit(next, [...path, file]);
      if (circle !== undefined) return circle;
    }
    finished.add(file);
  };
  for (const file of imports.keys()) {
    const circle = visit(file, []);
    if (circle !== undefined) return circle;
  }
}

/** Whether one folder is the other or lies in it: a folder and its parts for each OS are one room. */
function areOneRoom(a: string, b: string): boolean {
  return a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`);
}

const imports = await readImports();

Deno.test("the imports of every file are read", () => {
  assert(imports.size > 200, `${imports.size} files`);
  assert(imports.get("src/lease/registry.ts")?.has("src/lease/ledger.ts"));
  assert(imports.get("src/cli/commands/run.ts")?.has("src/terminate/open.ts"), "an import that runs later");
});

Deno.test("every import leads to a file that is there", () => {
  const missing = [...imports].flatMap(([file, targets]) =>
    [...targets].filter((target) => !imports.has(target)).map((target) => `${file} -> ${target}`)
  );
  assert.deepEqual(missing, []);
});

Deno.test("no files import each other in a circle", () => {
  assert.equal(findCircle(imports)?.join(" -> "), undefined);
});

Deno.test("a circle of files is found", () => {
  const circle = new Map([["a", new Set(["b"])], ["b", new Set(["c"])], ["c", new Set(["b"])]]);
  assert.deepEqual(findCircle(circle), ["b", "c", "b"]);
});

Deno.test("no two folders import each other", () => {
  const pairs = new Map<string, string>();
  for (const [file, targets] of imports) {
    for (const target of targets) pairs.set(`${dirname(file)} ${dirname(target)}`, `${file} -> ${target}`);
  }
  const allowed = new Set(EXCEPTIONS.flatMap(({ folders: [a, b] }) => [`${a} ${b}`, `${b} ${a}`]));
  const mutual = [...pairs].flatMap(([pair, example]) => {
    const [from, to] = pair.split(" ") as [string, string];
    const back = pairs.get(`${to} ${from}`);
    return from < to && back !== undefined && !areOneRoom(from, to) && !allowed.has(pair)
      ? [`${example}, ${back}`]
      : [];
  });
  assert.deepEqual(mutual, []);
});

Deno.test("the domain knows no HTTP", () => {
  const strays = [...imports].filter(([file]) => file.startsWith("src/"))
    .flatMap(([file, targets]) =>
      [...targets].filter((target) => target.startsWith("routes/")).map((to) => `${file} -> ${to}`)
    );
  assert.deepEqual(strays, []);
});
