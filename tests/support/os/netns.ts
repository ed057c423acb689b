/** Network namespaces: each has its own addresses, ports and firewall, as a machine has. */
import { runTool } from "./tool.ts";

/** Made by {@linkcode NetworkNamespace.create}; disposing of it ends it, with all that is in it. */
export class NetworkNamespace implements AsyncDisposable {
  /** Words in front of a command that is to run in it, the first by absolute path. */
  readonly enter: readonly [string, ...string[]];
  /** Names it to ip(8), by a process that is in it. */
  readonly pid: number;
  readonly #first: Deno.ChildProcess;

  private constructor(first: Deno.ChildProcess, enter: readonly [string, ...string[]]) {
    this.#first = first;
    this.pid = first.pid;
    this.enter = enter;
  }

  /**
   * Makes one, with nothing but a loopback interface that is up. One that `isWhole` has mounts and processes of its own
   * too; what runs in it is killed in the end.
   */
  static async create({ isWhole = false } = {}): Promise<NetworkNamespace> {
    const kinds = isWhole ? ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"] : ["--net"];
    const first = await startNamespaces(...kinds);
    const folder = `/proc/${first.pid}/ns`;
    const whole = isWhole ? [`--mount=${folder}/mnt`, `--pid=${folder}/pid_for_children`] : [];
    const namespace = new NetworkNamespace(first, ["/usr/bin/nsenter", `--net=${folder}/net`, ...whole]);
    await namespace.run("ip", "link", "set", "lo", "up");
    return namespace;
  }

  /** Runs a program in it to its end. @returns what it wrote to stdout. @throws {Error} when it fails. */
  async run(...words: readonly string[]): Promise<string> {
    const [program, ...before] = this.enter;
    return await runTool(program, [...before, ...words]);
  }

  /** Runs a program in it to its end that reads its stdin. @throws {Error} when it fails. */
  async feed(input: string, ...words: readonly string[]): Promise<string> {
    const child = this.spawn(...words);
    const written = new Blob([input]).stream().pipeTo(child.stdin);
    const [{ code }, stdout] = await Promise.all([child.status, new Response(child.stdout).text(), written]);
    if (code !== 0) throw new Error(`Cannot run ${words.join(" ")}: exit code ${code}`);
    return stdout;
  }

  /** Starts a program in it, with pipes. */
  spawn(...words: readonly string[]): Deno.ChildProcess {
    const [program, ...before] = this.enter;
    return new Deno.Command(program, { args: [...before, ...words], stdin: "piped", stdout: "piped" }).spawn();
  }

  /** Lays a cable to another one: an interface in each, which is down and has no address. */
  async cable(
    other: NetworkNamespace,
    { here, there }: { readonly here: string; readonly there: string },
  ): Promise<void> {
    // In sight of our own processes: a namespace of processes has other pids.
    const [program, net] = this.enter;
    const ends = ["add", here, "type", "veth", "peer", "name", there, "netns", `${other.pid}`];
    await runTool(program, [net!, "ip", "link", ...ends]);
  }

  /** Lays a cable to another one: an interface `name` in each. It is up, and has these addresses at once. */
  async connect(
    other: NetworkNamespace,
    name: string,
    addresses: { readonly here: readonly string[]; readonly there: readonly string[] },
  ): Promise<void> {
    await this.cable(other, { here: name, there: name });
    for (const [namespace, list] of [[this, addresses.here], [other, addresses.there]] as const) {
      // Without duplicate address detection, which takes seconds.
      const unchecked = (address: string) => address.includes(":") ? "nodad" : "";
      const lines = list.map((address) => `address add ${address} dev ${name} ${unchecked(address)}\n`).join("");
      await namespace.feed(`${lines}link set ${name} up\n`, "ip", "-batch", "-");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#first.stdin.close();
    await this.#first.stdout.cancel();
    await this.#first.status;
  }
}

/**
 * Makes namespaces of these kinds, as flags of unshare(1). @returns their first process, which lives until its stdin
 * ends.
 */
export async function startNamespaces(...kinds: readonly string[]): Promise<Deno.ChildProcess> {
  const first = new Deno.Command("unshare", { args: [...kinds, "cat"], stdin: "piped", stdout: "piped" }).spawn();
  // It answers when the namespaces are made.
  const [input, output] = [first.stdin.getWriter(), first.stdout.getReader()];
  await input.write(new Uint8Array([10]));
  const { done } = await output.read();
  if (done) throw new Error(`Cannot make namespaces: unshare ended with code ${(await first.status).code}`);
  input.releaseLock();
  output.releaseLock();
  return first;
}
