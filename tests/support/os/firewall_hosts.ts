/** Hosts on which a whole portd runs: each with a firewall that drops, and a way to make that firewall forget. */
import { openFirewalld } from "./firewalld_host.ts";
import { NetworkNamespace } from "./netns.ts";
import { loadRuleset } from "./nft_host.ts";
import { openUfw } from "./ufw_host.ts";

/** A host whose firewall drops what comes in and no rule lets pass, but UDP port 9, which is the tests' own. */
export interface FirewallHost extends AsyncDisposable {
  readonly namespace: NetworkNamespace;
  /** Name of the backend that portd finds there by itself. */
  readonly backend: string;
  /** The program by which portd changes the firewall; absolute. */
  readonly program: string;
  /** A pattern of the shell, which matches the words of a change and not those of a reading. */
  readonly changes: string;
  /** Makes the firewall anew, as its administrator's files have it: without portd's rules. */
  readonly reload: () => Promise<unknown>;
  /** All its rules, as its own program tells them. */
  readonly rules: () => Promise<string>;
}

const RULESET = `
table inet filter {
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    iifname "lo" accept
    meta l4proto ipv6-icmp accept
    udp dport 9 accept
  }
}
`;

/** The three firewalls of Linux by name. */
export const FIREWALL_HOSTS: Readonly<Record<string, () => Promise<FirewallHost>>> = {
  nftables: openNftables,
  ufw: openUfwOnly,
  firewalld: openFirewalldOnly,
};

async function openNftables(): Promise<FirewallHost> {
  const namespace = await NetworkNamespace.create({ isWhole: true });
  await namespace.run("mount", "-t", "tmpfs", "tmpfs", "/run");
  await loadRuleset(namespace, RULESET);
  return {
    namespace,
    backend: "nftables",
    program: "/usr/sbin/nft",
    changes: "*-f*",
    reload: () => loadRuleset(namespace, `flush ruleset\n${RULESET}`),
    rules: () => namespace.run("nft", "list", "ruleset"),
    [Symbol.asyncDispose]: () => namespace[Symbol.asyncDispose](),
  };
}

async function openUfwOnly(): Promise<FirewallHost> {
  const namespace = await openUfw();
  return {
    namespace,
    backend: "ufw",
    program: "/usr/sbin/ufw",
    changes: "*allow*",
    async reload() {
      await namespace.run("ufw", "--force", "reset");
      await namespace.run("ufw", "--force", "enable");
      await namespace.run("ufw", "allow", "9/udp");
    },
    rules: () => namespace.run("ufw", "status", "verbose"),
    [Symbol.asyncDispose]: () => namespace[Symbol.asyncDispose](),
  };
}

async function openFirewalldOnly(): Promise<FirewallHost> {
  const firewalld = await openFirewalld();
  const { namespace } = firewalld;
  return {
    namespace,
    backend: "firewalld",
    program: "/usr/bin/firewall-cmd",
    changes: "*--add-rich-rule*",
    reload: () => namespace.run("firewall-cmd", "--reload"),
    rules: () => namespace.run("firewall-cmd", "--list-all-zones"),
    [Symbol.asyncDispose]: () => firewalld[Symbol.asyncDispose](),
  };
}

/** A program laid over that of a host's firewall, to do something of its own when it is asked for a change. */
export class ProgramInFront {
  readonly #host: FirewallHost;

  private constructor(host: FirewallHost) {
    this.#host = host;
  }

  /** Lays one over that stands still at a change. */
  static async stuck(host: FirewallHost): Promise<ProgramInFront> {
    return await ProgramInFront.#lay(host, "echo asked >/srv/asked; exec sleep 1000");
  }

  /** Lays one over that counts the changes. */
  static async counting(host: FirewallHost): Promise<ProgramInFront> {
    return await ProgramInFront.#lay(host, "echo >>/srv/changes");
  }

  static async #lay(host: FirewallHost, atChange: string): Promise<ProgramInFront> {
    const { namespace, program, changes } = host;
    await namespace.run("mount", "-t", "tmpfs", "tmpfs", "/srv");
    await namespace.run("cp", program, "/srv/real");
    await namespace.run("mkfifo", "/srv/asked");
    const script = `#!/bin/sh\ncase "$*" in ${changes}) ${atChange} ;; esac\nexec /srv/real "$@"\n`;
    await namespace.feed(script, "dd", "of=/srv/front", "status=none");
    await namespace.run("chmod", "755", "/srv/front");
    await namespace.run("mount", "--bind", "/srv/front", program);
    return new ProgramInFront(host);
  }

  /** Answers when a stuck one is asked for a change. */
  async asked(): Promise<void> {
    await this.#host.namespace.run("cat", "/srv/asked");
  }

  /** How many changes one that counts was asked for. */
  async changes(): Promise<number> {
    return (await this.#host.namespace.run("cat", "/srv/changes")).length;
  }

  /** Lets the real program be there again. */
  async takeAway(): Promise<void> {
    await this.#host.namespace.run("umount", this.#host.program);
  }
}
