/**
 * What Windows must allow so that other machines reach a port of WSL: rules in Linux do not count there. portd in WSL runs
 * no program of Windows, so it prints the commands. Manuals: New-NetFirewallHyperVRule, New-NetFirewallRule, netsh
 * interface portproxy. Pure.
 */
import type { Wsl } from "../os/linux/wsl.ts";
import type { Rule } from "./rule.ts";

/** By this id Windows knows the virtual machine of WSL. */
const WSL_CREATOR = "{40E0AC32-46A5-438A-A0B2-2B479E8F2E90}";
const SHELL = "in a PowerShell of an administrator on Windows";

/** A sentence for each port that others may reach, with the commands for Windows; one for all where there is none. */
export function windowsSide(wsl: Wsl, rules: readonly Rule[]): readonly string[] {
  const incoming = rules.filter(({ direction }) => direction === "in");
  return incoming.length === 0 ? [GENERAL[wsl.networking]] : incoming.map((rule) => COMMANDS[wsl.networking](rule));
}

const GENERAL: Readonly<Record<Wsl["networking"], string>> = {
  shared: "this is WSL 1: the firewall of Windows decides what comes in; rules in Linux have no effect",
  mirrored:
    "this is WSL 2 with mirrored networking: the Hyper-V firewall of Windows must allow a port too (New-NetFirewallHyperVRule)",
  nat:
    "this is WSL 2 behind NAT: other machines reach no port of it unless Windows forwards that (netsh interface portproxy)",
};

const COMMANDS: Readonly<Record<Wsl["networking"], (rule: Rule) => string>> = {
  shared: (rule) => `${rule.name} has no effect in WSL 1; ${SHELL}: ${windowsRule(rule)}`,
  mirrored: (rule) => `${rule.name} takes a rule of the Hyper-V firewall too; ${SHELL}: ${hyperVRule(rule)}`,
  nat(rule) {
    const { name, protocol, port } = rule;
    if (protocol === "udp") {
      return `${name} has no effect behind NAT, and Windows forwards no UDP: set networkingMode=mirrored in .wslconfig`;
    }
    const forward =
      `netsh interface portproxy add v4tov4 listenport=${port} connectport=${port} connectaddress=ADDRESS`;
    return `${name} takes forwarding by Windows to the ADDRESS that hostname -I prints here; ${SHELL}: ${forward}; ` +
      windowsRule(rule);
  },
};

function hyperVRule(rule: Rule): string {
  return `New-NetFirewallHyperVRule ${namesOf(rule)} -Direction Inbound -VMCreatorId '${WSL_CREATOR}' ` +
    `-Protocol ${rule.protocol.toUpperCase()} -LocalPorts ${rule.port}${
      remoteOf("-RemoteAddresses", rule)
    } -Action Allow`;
}

function windowsRule(rule: Rule): string {
  return `New-NetFirewallRule ${namesOf(rule)} -Direction Inbound -Protocol ${rule.protocol.toUpperCase()} ` +
    `-LocalPort ${rule.port}${remoteOf("-RemoteAddress", rule)} -Action Allow`;
}

/** Without the name of the lease: that may have characters which mean something to PowerShell. */
function namesOf({ name }: Rule): string {
  return `-Name ${name} -DisplayName ${name}`;
}

/** The flag with the networks; nothing where everybody may come in, as that is its default. */
function remoteOf(flag: string, { remote }: Rule): string {
  return remote.includes("any") ? "" : ` ${flag} ${remote.join(",")}`;
}
