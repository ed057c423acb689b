/** The unit of portd, systemd.unit(5): what it says, and what is read back from it. Pure. */
import { VERSION } from "../../version.ts";
import { moduleEnvironment } from "../deno_dir.ts";
import type { ServiceDefinition, ServiceOptions } from "../service.ts";
import { parseCommand, quoteCommand, quoteWord } from "./unit_syntax.ts";

/** The file of the unit, and its name to systemctl. */
export const UNIT = "portd.service";

/** The first words of what portd writes. A unit that begins otherwise was written by somebody else. */
const MARK = "# Written by portd ";

/** A state folder that systemd makes by itself. */
const SYSTEM_STATE = /^\/var\/lib\/([\w.-]+)$/;

/** Options of {@linkcode writeUnit}. A user's systemd has no rights for some restrictions. */
export type UnitOptions = Pick<ServiceOptions, "isUser" | "env">;

/** The text of the unit. It names the version, so that an upgrade changes it. */
export function writeUnit(definition: ServiceDefinition, { isUser, env }: UnitOptions): string {
  const { self, words } = definition;
  const variables = Object.entries(serviceEnvironment(self, env));
  return `${MARK}${VERSION}. Each "portd service install" writes it again.
# To keep changes of your own: systemctl ${isUser ? "--user " : ""}edit ${UNIT}

[Unit]
Description=Port authority of this ${isUser ? "user" : "machine"} (portd)
${isUser ? "" : "After=network.target nftables.service ufw.service firewalld.service\n"}\
RequiresMountsFor=${quoteWord(definition.stateDir)}
# A full disk or a taken address may be gone after a while, and only portd closes what it opened in the firewall.
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
${variables.map(([name, value]) => `Environment=${quoteWord(`${name}=${value}`)}\n`).join("")}\
ExecStart=${quoteCommand([...self, "service", "run", ...words])}
KillMode=mixed
Restart=on-failure
RestartSec=1
# The pauses grow. systemd before 254 does not know these two, and tries every second.
RestartSteps=5
RestartMaxDelaySec=30
# The command line or the configuration is wrong: another start would fail too.
RestartPreventExitStatus=2
TimeoutStopSec=10
WatchdogSec=30
LimitNOFILE=65536
UMask=0077

${isUser ? USER_SANDBOX : systemSandbox(definition)}
[Install]
WantedBy=${isUser ? "default" : "multi-user"}.target
`;
}

/** Restrictions that need no rights. No MemoryDenyWriteExecute: V8 writes the code that it runs. */
const USER_SANDBOX = `NoNewPrivileges=yes
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service @pkey
SystemCallErrorNumber=EPERM
`;

/** Neither ProtectProc nor ProcSubset: /proc of other users' processes says which sockets they have. */
function systemSandbox({ self, stateDir }: ServiceDefinition): string {
  const [, stateName] = SYSTEM_STATE.exec(stateDir) ?? [];
  const isInTmp = [...self, stateDir].some((word) => /^(file:\/\/)?(\/var)?\/tmp\//.test(word));
  return `ProtectSystem=strict
${
    stateName === undefined
      ? `ReadWritePaths=${quoteWord(stateDir)}`
      : `StateDirectory=${stateName}\nStateDirectoryMode=0700`
  }
# What the firewall's programs write: ufw its rules; ufw and iptables their locks.
ReadWritePaths=-/etc/ufw /run
ProtectHome=read-only
${isInTmp ? "" : "PrivateTmp=yes\n"}\
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
# For rules in the firewall, for leases below port 1024, and to see the processes behind other users' sockets.
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW CAP_NET_BIND_SERVICE CAP_SYS_PTRACE CAP_DAC_READ_SEARCH
${USER_SANDBOX}`;
}

/** Whether portd has written this unit. */
export function isOwnUnit(text: string): boolean {
  return text.startsWith(MARK);
}

/** The words of the command line that a unit starts; null when it has none that can be read. */
export function readCommand(text: string): string[] | null {
  const [, line] = /^ExecStart=(.*)$/m.exec(text) ?? [];
  return line === undefined ? null : parseCommand(line) ?? null;
}

/** The variables for the service: those of `deno run`, none for a compiled program. */
export function serviceEnvironment(
  self: readonly string[],
  env: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return self.length === 1 ? {} : moduleEnvironment("linux", env);
}
