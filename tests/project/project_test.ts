/** Project names, in real git repositories. */
import assert from "node:assert/strict";
import {
  cleanName,
  distinctName,
  findProject,
  findProjectFile,
  portVariable,
  resolvePath,
  shortHash,
  upward,
} from "../../src/project/project.ts";
import { temporaryFolder } from "../support/folder.ts";

/** What the daemon takes as a project. */
const PROJECT = /^(?=.{1,200}$)[A-Za-z0-9._+@~-]+(\/[A-Za-z0-9._+@~-]+)*$/;

async function git(cwd: string, ...args: readonly string[]): Promise<string> {
  const settings = ["user.name=x", "user.email=x@example.com", "init.defaultBranch=main", "protocol.file.allow=always"];
  const { success, stdout, stderr } = await new Deno.Command("git", {
    args: [...settings.flatMap((setting) => ["-c", setting]), ...args],
    cwd,
    env: { GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" },
  }).output();
  if (!success) throw new Error(`Cannot git ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout).trim();
}

/** A checkout with one commit. */
async function makeCheckout(path: string): Promise<string> {
  await Deno.mkdir(`${path}/src/deep`, { recursive: true });
  await git(path, "init", "--quiet");
  await git(path, "commit", "--quiet", "--allow-empty", "--message", "first");
  return path;
}

/** Declares a test with a folder of its own, and a checkout `shop` in it. */
function checkoutTest(name: string, test: (shop: string, folder: string) => Promise<void> | void): void {
  Deno.test(name, async () => {
    await using folder = await temporaryFolder();
    await test(await makeCheckout(`${folder.path}/shop`), folder.path);
  });
}

checkoutTest("a checkout is a project of its folder's name, from every folder in it", (shop) => {
  for (const cwd of [shop, `${shop}/src/deep`]) assert.deepEqual(findProject(cwd), { name: "shop", root: shop });
});

checkoutTest("a linked worktree is the main checkout's folder @ its branch", async (shop, folder) => {
  const worktree = `${folder}/elsewhere`;
  await git(shop, "worktree", "add", "--quiet", "-b", "feat/cart", worktree);
  await Deno.mkdir(`${worktree}/src`);
  assert.deepEqual(findProject(`${worktree}/src`), {
    name: "shop@feat/cart",
    root: worktree,
    main: { name: "shop", root: `${folder}/shop` },
  });
  assert.deepEqual(findProject(shop), { name: "shop", root: shop });
});

checkoutTest("a worktree without a branch is named after its commit", async (shop, folder) => {
  await git(shop, "worktree", "add", "--quiet", "--detach", `${folder}/detached`);
  const hash = await git(shop, "rev-parse", "HEAD");
  assert.equal(findProject(`${folder}/detached`).name, `shop@${hash.slice(0, 7)}`);
});

checkoutTest("a worktree keeps its name while it is rebased", async (shop, folder) => {
  const worktree = `${folder}/cart`;
  await git(shop, "worktree", "add", "--quiet", "-b", "cart", worktree);
  await git(worktree, "commit", "--quiet", "--allow-empty", "--message", "second");
  const rebase = "rebase --quiet --interactive --keep-empty HEAD~1".split(" ");
  await git(worktree, "-c", "sequence.editor=sed -i 1ibreak", ...rebase);
  assert.match(await Deno.readTextFile(`${shop}/.git/worktrees/cart/HEAD`), /^[0-9a-f]{40}\n$/);
  assert.equal(findProject(worktree).name, "shop@cart");
});

checkoutTest("worktrees of a bare repository are named after the repository", async (shop, folder) => {
  await git(folder, "clone", "--quiet", "--bare", shop, "store.git");
  await git(`${folder}/store.git`, "worktree", "add", "--quiet", "-b", "one", `${folder}/one`);
  assert.equal(findProject(`${folder}/one`).name, "store@one");
  await git(folder, "clone", "--quiet", "--bare", shop, "depot/.bare");
  await git(`${folder}/depot/.bare`, "worktree", "add", "--quiet", "-b", "two", `${folder}/depot/two`);
  assert.equal(findProject(`${folder}/depot/two`).name, "depot@two");
});

checkoutTest("a submodule is a checkout of its own", async (shop, folder) => {
  const library = await makeCheckout(`${folder}/library`);
  await git(shop, "submodule", "--quiet", "add", library, "vendor/lib");
  assert.deepEqual(findProject(`${shop}/vendor/lib`), { name: "lib", root: `${shop}/vendor/lib` });
});

Deno.test("the file of a project is the nearest one, not above its root", async () => {
  await using folder = await temporaryFolder();
  const root = `${folder.path}/shop`, inner = `${root}/packages/api`;
  await Deno.mkdir(`${inner}/src`, { recursive: true });
  const project = { name: "shop", root };
  await Deno.writeTextFile(`${folder.path}/portd.yaml`, "");
  assert.equal(findProjectFile(`${inner}/src`, project), undefined);
  await Deno.writeTextFile(`${root}/portd.yaml`, "");
  assert.equal(findProjectFile(`${inner}/src`, project), `${root}/portd.yaml`);
  await Deno.writeTextFile(`${inner}/portd.yaml`, "");
  assert.equal(findProjectFile(`${inner}/src`, project), `${inner}/portd.yaml`);
  assert.equal(findProjectFile(root, project), `${root}/portd.yaml`);
});

Deno.test("outside git the nearest folder with portd.yaml is the project, else the folder itself", async () => {
  await using folder = await temporaryFolder();
  const inner = `${folder.path}/inner/deep`;
  await Deno.mkdir(inner, { recursive: true });
  assert.deepEqual(findProject(inner), { name: "deep", root: inner });
  await Deno.writeTextFile(`${folder.path}/inner/portd.yaml`, "services: {}\n");
  assert.deepEqual(findProject(inner), { name: "inner", root: `${folder.path}/inner` });
});

Deno.test("an empty .git folder is no checkout", async () => {
  await using folder = await temporaryFolder();
  const inner = `${folder.path}/inner`;
  await Deno.mkdir(`${inner}/.git`, { recursive: true });
  await Deno.mkdir(`${inner}/deep`);
  assert.equal(findProject(`${inner}/deep`).name, "deep");
});

Deno.test("every folder name becomes a project that the daemon takes, different ones different projects", () => {
  const long = "x".repeat(300);
  const folders = ["my shop", "my-shop", "my_shop", "meinläden", "商店", "a:b", long, `${long}y`, ""];
  const names = folders.map(cleanName);
  for (const name of names) assert.match(name, PROJECT);
  assert.equal(new Set(names).size, folders.length);
  assert.equal(cleanName("shop-2.0_x+y@feat/cart"), "shop-2.0_x+y@feat/cart");
});

Deno.test("checkouts of one folder name have distinct names to fall back on", () => {
  const names = ["/a/shop", "/b/shop"].map((root) => distinctName({ name: "shop", root }));
  for (const name of names) assert.match(name, /^shop~[0-9a-f]{6}$/);
  assert.notEqual(names[0], names[1]);
  assert.match(distinctName({ name: "x".repeat(200), root: "/" }), PROJECT);
});

Deno.test("shortHash() is the same in every run", () => {
  assert.equal(shortHash(""), "1c9d44");
  assert.match(shortHash("/home/ada/shop"), /^[0-9a-f]{6}$/);
});

Deno.test("upward() lists a folder and all above it, on every OS", () => {
  assert.deepEqual(upward("/a/b"), ["/a/b", "/a", "/"]);
  assert.deepEqual(upward("/"), ["/"]);
  assert.deepEqual(upward("C:\\a\\b"), ["C:\\a\\b", "C:\\a", "C:\\"]);
});

Deno.test("resolvePath() makes paths absolute and takes dots out", () => {
  assert.equal(resolvePath("/a/b", "../c/./d"), "/a/c/d");
  assert.equal(resolvePath("/a/b", "/c"), "/c");
  assert.equal(resolvePath("/a", "../../.."), "/");
  assert.equal(resolvePath("/a", "b\\..\\c"), "/a/b\\..\\c"); // one name, where folders are set apart by /
  assert.equal(resolvePath("C:\\a", "b"), "C:\\a\\b");
  assert.equal(resolvePath("C:\\a", "D:/b/../c"), "D:/c");
});

Deno.test("portVariable() is a name that shells take", () => {
  const names = ["web", "my-api", "a.b+c", "3d"].map(portVariable);
  assert.deepEqual(names, ["WEB_PORT", "MY_API_PORT", "A_B_C_PORT", "_3D_PORT"]);
});
