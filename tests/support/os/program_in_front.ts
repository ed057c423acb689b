/** Programs in place of a firewall's own. */
import type { FirewallHost } from "./firewall_host.ts";

/** A program mounted over that of a host's firewall, which does something of its own when it is asked for a change. */
export class ProgramInFront implements AsyncDisposable {
  readonly #host: FirewallHost;

  private constructor(host: FirewallHost) {
    this.#host = host;
  }

  /** Mounts one that hangs at a change. @param changes are as in {@linkcode FirewallHost}. */
  static async stuck(host: FirewallHost, changes = host.changes): Promise<ProgramInFront> {
    return await ProgramInFront.#mount(host, { changes, atChange: "echo asked >/srv/asked; exec sleep 1000" });
  }

  /** Mounts one that counts the changes. */
  static async counting(host: FirewallHost): Promise<ProgramInFront> {
    return await ProgramInFront.#mount(host, { changes: host.changes, atChange: "echo >>/srv/changes" });
  }

  static async #mount(
    host: FirewallHost,
    { changes, atChange }: { readonly changes: string; readonly atChange: string },
  ): Promise<ProgramInFront> {
    const { namespace, program } = host;
    await namespace.run("mount", "-t", "tmpfs", "tmpfs", "/srv");
    await namespace.run("cp", program, "/srv/real");
    await namespace.run("mkfifo", "/srv/asked");
    const script = `#!/bin/sh\ncase "$*" in ${changes}) ${atChange} ;; esac\nexec /srv/real "$@"\n`;
    await namespace.feed(script, "dd", "of=/srv/front", "status=none");
    await namespace.run("chmod", "755", "/srv/front");
    await namespace.run("mount", "--bind", "/srv/front", program);
    return new ProgramInFront(host);
  }

  /** Resolves when one that hangs is asked for a change. */
  async asked(): Promise<void> {
    await this.#host.namespace.run("cat", "/srv/asked");
  }

  /** How many changes one that counts was asked for. */
  async changes(): Promise<number> {
    return (await this.#host.namespace.run("cat", "/srv/changes")).length;
  }

  /** Mounts the real program again. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#host.namespace.run("umount", this.#host.program);
  }
}
