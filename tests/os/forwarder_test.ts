/** The real programs that listen for containers, started without a container. */
import assert from "node:assert/strict";
import { LinuxScanner } from "../../src/listener/linux/scan.ts";
import { openLinuxParts } from "../../src/os/linux/linux.ts";
import { type Forwarder, forwarderOf } from "../../src/process/forwarder.ts";
import { LinuxProcesses } from "../../src/process/linux/processes.ts";
import { temporaryFolder } from "../support/folder.ts";
import { debianPackages, dependenciesOf, unpackDebianPackages } from "../support/os/debian_package.ts";
import { linesOf } from "../support/os/lines.ts";
import { linux, osTest, root, tools } from "../support/os/requirement.ts";
import { freePort } from "../support/sockets.ts";

/**
 * Starts a program as Docker and Podman do: with descriptor 3, to which it writes when it listens, and 4, which stays
 * open as long as it is to run. Arguments: the text for its stdin, then its command line. Ends with its own stdin.
 */
const STARTER = `
import os, subprocess, sys
ready, answer = os.pipe()
end, kept = os.pipe()
def descriptors():
    os.dup2(answer, 10), os.dup2(end, 11)
    os.dup2(10, 3), os.dup2(11, 4)
child = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, close_fds=False, preexec_fn=descriptors)
child.stdin.write(sys.argv[1].encode())
child.stdin.close()
os.close(answer)
os.read(ready, 1)
print("ready", flush=True)
sys.stdin.read()
child.kill()
child.wait()
`;

/** Starts a program; disposing of it ends it. */
async function start(
  { command, input, env }: { command: readonly string[]; input: string; env: Record<string, string> },
): Promise<AsyncDisposable> {
  const args = ["-c", STARTER, input, ...command];
  const starter = new Deno.Command("python3", { args, env, stdin: "piped", stdout: "piped", stderr: "null" }).spawn();
  const lines = linesOf(starter.stdout);
  const { value: line } = await lines.next();
  await lines.return();
  assert.equal(line, "ready");
  return {
    async [Symbol.asyncDispose]() {
      await starter.stdin.close();
      await starter.status;
    },
  };
}

/** What portd says of the process that listens on a port of 127.0.0.1. */
async function forwarderOn(port: number): Promise<Forwarder | undefined> {
  const linux = openLinuxParts();
  const scanner = new LinuxScanner(linux, undefined);
  const [row] = await scanner.identify(await scanner.listening([{ protocol: "tcp", port }]));
  const { command } = new LinuxProcesses(linux.procfs).find(row!.pid!)!;
  return forwarderOf({ command }, { protocol: "tcp", port, address: row!.localAddress });
}

/** Where a package unpacked into a folder has a program. */
async function find(folder: string, name: string): Promise<string> {
  const places = ["bin", "sbin", "lib/podman", "libexec/podman"].map((place) => `${folder}/usr/${place}`);
  for (const place of places) {
    try {
      return await Deno.realPath(`${place}/${name}`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new Error(`Cannot find ${name} in ${places.join(", ")}`);
}

osTest("Docker's docker-proxy is known, and where it forwards to", [
  linux,
  tools("python3"),
  debianPackages("docker.io"),
], async () => {
  await using folder = await temporaryFolder();
  await unpackDebianPackages(folder.path, ["docker.io"]);
  const port = freePort();
  const container = { address: "127.0.0.1", port: freePort() };
  const command = [
    await find(folder.path, "docker-proxy"),
    ...["-proto", "tcp", "-host-ip", "127.0.0.1", "-host-port", `${port}`],
    ...["-container-ip", container.address, "-container-port", `${container.port}`],
  ];
  await using _proxy = await start({ command, input: "", env: {} });
  assert.deepEqual(await forwarderOn(port), { program: "docker-proxy", target: container });
});

osTest("Podman's rootlessport is known, though it does not say where it forwards to", [
  linux,
  root, // it enters the network namespace of the container
  tools("python3"),
  debianPackages("podman"),
], async () => {
  await using folder = await temporaryFolder();
  const libraries = await dependenciesOf("podman", /^libsubid\d+$/);
  await unpackDebianPackages(folder.path, ["podman", ...libraries]);
  const port = freePort();
  const mapping = { host_ip: "127.0.0.1", host_port: port, container_port: 80, range: 1, protocol: "tcp" };
  const configuration = { Mappings: [mapping], NetNSPath: "/proc/self/ns/net", ExitFD: 4, ReadyFD: 3 };
  const triplet = `${Deno.build.arch}-linux-gnu`;
  await using _proxy = await start({
    command: [await find(folder.path, "rootlessport")],
    input: JSON.stringify({ ...configuration, TmpDir: folder.path }),
    env: { LD_LIBRARY_PATH: `${folder.path}/usr/lib/${triplet}` },
  });
  assert.deepEqual(await forwarderOn(port), { program: "rootlessport", target: null });
});
