#!/usr/bin/env node
/**
 * The command `portd` of the npm package: starts the program of the package for this platform or, where there is none,
 * the bundle on a Deno. No file is written and nothing is downloaded. CommonJS, for any Node from 20 on; launcher.json
 * beside it is made by packages.ts.
 */
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const process = require("node:process");
const { signals } = require("node:os").constants;

const { programs, bundle, flags, oldestDeno } = require("./launcher.json");

const isWindows = process.platform === "win32";
const platform = `${process.platform}-${process.arch}`;
const denoFile = isWindows ? "deno.exe" : "deno";

/** What passes on to portd, except where the terminal has sent it to both. The others end or stop this process alone. */
const RELAYED = ["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGCONT"];
const FROM_TERMINAL = ["SIGINT", "SIGQUIT"];

/** The folder of a package as Node finds it from another one, with its package.json; `undefined` where there is none. */
function findPackage(name, from) {
  try {
    const file = require.resolve(`${name}/package.json`, { paths: [from] });
    return { folder: path.dirname(file), version: require(file).version };
  } catch (error) {
    if (error.code === "MODULE_NOT_FOUND" || error.code === "ERR_PACKAGE_PATH_NOT_EXPORTED") return undefined;
    throw error;
  }
}

/** Whether Node runs on the C library that our programs are linked with: musl, of Alpine, has their loader nowhere. */
function hasLibrary(loader) {
  if (loader === undefined) return true;
  if (!fs.existsSync(loader)) return false;
  try {
    return !fs.readFileSync("/proc/self/maps", "latin1").includes("/ld-musl-");
  } catch {
    return true; // without /proc the loader is all that can be seen
  }
}

/** The program of the package for this platform. */
function findProgram() {
  const program = programs[platform];
  if (program === undefined || !hasLibrary(program.loader)) return undefined;
  const found = findPackage(program.package, __dirname);
  return found && makeExecutable(path.join(found.folder, program.file));
}

/** Packers leave the mode of a program away, or npm has run none of the scripts that set it. */
function makeExecutable(file) {
  if (isWindows) return fs.existsSync(file) ? file : undefined;
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return file;
  } catch (error) {
    if (error.code !== "EACCES") return undefined;
  }
  try {
    fs.chmodSync(file, 0o755);
    return file;
  } catch {
    return undefined; // it is another user's, and of no use then
  }
}

/** The program in a folder of npm's package `deno`, which has it in a package of its own for each platform. */
function denoOfPackage(folder) {
  const own = makeExecutable(path.join(folder, denoFile));
  if (own !== undefined) return own;
  const found = findPackage(`@deno/${platform}${process.platform === "linux" ? "-glibc" : ""}`, folder);
  return found && makeExecutable(path.join(found.folder, denoFile));
}

/** The Deno on the PATH, in absolute folders. Where npm has put its package there, it is the program in that. */
function denoOnPath() {
  const name = Object.keys(process.env).find((each) => each === "PATH" || (isWindows && /^path$/i.test(each)));
  for (const folder of (process.env[name] ?? "").split(path.delimiter)) {
    const file = path.join(folder, denoFile);
    if (!path.isAbsolute(folder) || !fs.existsSync(file)) continue;
    const real = fs.realpathSync(file);
    return path.basename(real) === "bin.cjs" ? denoOfPackage(path.dirname(real)) : real;
  }
}

/** @returns its version, or `undefined` where it does not run. */
function versionOf(deno) {
  const { spawnSync } = require("node:child_process");
  const { stdout } = spawnSync(deno, ["--version"], { encoding: "utf8", windowsHide: true, timeout: 30_000 });
  return /^deno (\d+\.\d+\.\d+)/.exec(stdout ?? "")?.[1];
}

function isOld(version) {
  const oldest = (oldestDeno[process.platform] ?? oldestDeno.others).split(".").map(Number);
  const found = version.split(/[.+-]/).map(Number);
  for (let i = 0; i < 3; i++) {
    if (found[i] !== oldest[i]) return !(found[i] > oldest[i]);
  }
  return false;
}

/** A Deno that is new enough, or what was found instead of one. */
function findDeno() {
  const refused = [];
  const fromNpm = findPackage("deno", __dirname);
  if (fromNpm !== undefined) {
    const deno = denoOfPackage(fromNpm.folder);
    if (deno === undefined) refused.push(`the npm package deno in ${fromNpm.folder} has no program for ${platform}`);
    else if (isOld(fromNpm.version)) refused.push(`the npm package deno is version ${fromNpm.version}`);
    else return { deno };
  }
  const onPath = denoOnPath();
  if (onPath !== undefined) {
    const version = versionOf(onPath);
    if (version !== undefined && !isOld(version)) return { deno: onPath };
    refused.push(version === undefined ? `${onPath} does not run` : `${onPath} is version ${version}`);
  }
  return { refused };
}

/** Says why portd cannot start, and what to do. */
function explain(refused) {
  const program = programs[platform];
  const why = program === undefined
    ? `there is no program for ${platform}`
    : hasLibrary(program.loader)
    ? `the package ${program.package} is not installed`
    : `the program for ${platform} needs glibc`;
  const oldest = oldestDeno[process.platform] ?? oldestDeno.others;
  const noDeno = refused.length === 0 ? `no Deno was found` : refused.join(", and ");
  const lines = [`portd: Cannot start: ${why}, and ${noDeno}. One of these helps:`];
  if (program !== undefined && hasLibrary(program.loader)) {
    lines.push(`  install portd again, without --omit=optional: npm brings ${program.package} then`);
  }
  lines.push(`  npm install deno, beside portd (version ${oldest} or later)`);
  lines.push(`  a deno on the PATH (version ${oldest} or later)`);
  return lines.join("\n") + "\n";
}

/** Runs a program in the place of this process. Only newer versions of Node can, and none on Windows. */
function replace(program, args) {
  process.execve(program, [program, ...args], process.env);
}

/** Runs a program as our child, with our streams, and ends as it ends. */
function run(program, args) {
  const { spawn } = require("node:child_process");
  // We listen before the program runs: a signal that comes with its first output must find us ready.
  const stopListening = relaySignals((name) => child.kill(name));
  const child = spawn(program, args, { stdio: "inherit" });
  child.on("error", (error) => {
    process.stderr.write(`portd: Cannot run ${program}: ${error.message}\n`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    stopListening();
    process.kill(process.pid, signal);
    // One that does not end this process, or not at once: the code that a shell gives.
    setTimeout(() => process.exit(128 + signals[signal]), 1000);
  });
}

/** Passes on the signals that only we get. @returns a function that ends this. */
function relaySignals(relay) {
  const isAtTerminal = [0, 1, 2].some((fd) => require("node:tty").isatty(fd));
  const listeners = RELAYED.filter((name) => name in signals).map((name) => {
    // Windows sends what its console has to both; kill() would end the child at once there.
    const isSentToBoth = isWindows || (isAtTerminal && FROM_TERMINAL.includes(name));
    const listener = () => void (isSentToBoth || relay(name));
    process.on(name, listener);
    return [name, listener];
  });
  return () => listeners.forEach(([name, listener]) => process.removeListener(name, listener));
}

function main() {
  const args = process.argv.slice(2);
  let program = findProgram();
  if (program === undefined) {
    const { deno, refused } = findDeno();
    if (deno === undefined) {
      process.stderr.write(explain(refused));
      process.exitCode = 1;
      return;
    }
    program = deno;
    const main = path.join(__dirname, bundle);
    // Deno looks for no deno.json in node_modules.
    args.unshift("run", "--quiet", ...flags, `--config=${path.join(path.dirname(main), "deno.json")}`, main);
  }
  if (!isWindows && typeof process.execve === "function") replace(program, args);
  else run(program, args);
}

main();
