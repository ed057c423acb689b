/** The unit of portd, systemd.unit(5): what it says, and what is read back from it. Pure. */
import type { PortRange } from "../../port/port.ts";
import { VERSION } from "../../version.ts";
import type { ServiceDefinition } from "../service.ts";
import { formatPortList } from "./port_set.ts";
import { RESERVED_PORTS_FILE, RESERVED_PORTS_VARIABLE } from "./reserved_ports.ts";
import { parseCommand, quoteCommand, quoteWord } from "./unit_syntax.ts";

/** The file of the unit, and its name to systemctl. */
export const UNIT = "portd.service";

/** Begins what portd writes; a unit that begins otherwise is somebody else's. */
const MARK = "# Written by portd ";

/** systemd makes folders here by itself. */
const SYSTEM_STATE = /^\/var\/lib\/([\w.-]+)$/;

/** What {@linkcode writeUnit} puts into the unit besides the definition. */
export interface UnitOptions {
  /** Whether the unit is for the systemd of a user, which may restrict less. */
  readonly isUser: boolean;
  /** Variables that the service is to find. */
  readonly environment: Readonly<Record<string, string>>;
}

/** The text of the unit. The version is part of it, so that an upgrade makes another one. */
export function writeUnit(definition: ServiceDefinition, { isUser, environment }: UnitOptions): string {
  const { self, words, reserve } = definition;
  const variables = Object.entries({ ...environment, ...reserveVariable(reserve) });
  return `${MARK}${VERSION}, which writes it anew with each "portd service install".
# Changes of your own are kept by: systemctl ${isUser ? "--user " : ""}edit ${UNIT}

[Unit]
Description=Port authority of this ${isUser ? "user" : "machine"} (portd)
${isUser ? "" : "After=network.target nftables.service ufw.service firewalld.service\n"}\
RequiresMountsFor=${quoteWord(definition.stateDir)}
# A full disk or a taken address may mend itself, and nobody else closes what is open in the firewall.
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
${variables.map(([name, value]) => `Environment=${quoteWord(`${name}=${value}`)}\n`).join("")}\
ExecStart=${quoteCommand([...self, "service", "run", ...words])}
ExecReload=/bin/kill -HUP $MAINPID
KillMode=mixed
Restart=on-failure
RestartSec=1
# Ever more slowly; systemd before 254 does not know it, and tries each second.
RestartSteps=5
RestartMaxDelaySec=30
# The command line or the configuration is wrong: that does not mend itself.
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

/**
 * What needs no privileges. No MemoryDenyWriteExecute: V8 writes the code that it runs.
 */
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

/** Neither ProtectProc nor ProcSubset: whose a socket is stands in the folders of other users' processes. */
function systemSandbox({ self, stateDir, reserve }: ServiceDefinition): string {
  const [, stateName] = SYSTEM_STATE.exec(stateDir) ?? [];
  const isInTmp = [...self, stateDir].some((word) => /^(file:\/\/)?(\/var)?\/tmp\//.test(word));
  return `ProtectSystem=strict
${
    stateName === undefined
      ? `ReadWritePaths=${quoteWord(stateDir)}`
      : `StateDirectory=${stateName}\nStateDirectoryMode=0700`
  }
# Files of the programs that set rules of the firewall: those of ufw, locks of ufw and iptables.
ReadWritePaths=-/etc/ufw /run
${reserve.length === 0 ? "" : RESERVING}\
ProtectHome=read-only
${isInTmp ? "" : "PrivateTmp=yes\n"}\
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
# Rules of the firewall; leases below port 1024; whose sockets of other users are.
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW CAP_NET_BIND_SERVICE CAP_SYS_PTRACE CAP_DAC_READ_SEARCH
${USER_SANDBOX}`;
}

/** What portd has reserved is remembered for as long as the kernel does. */
const RESERVING = `ReadWritePaths=${RESERVED_PORTS_FILE}
RuntimeDirectory=portd
RuntimeDirectoryPreserve=yes
`;

function reserveVariable(reserve: readonly PortRange[]): Record<string, string> {
  return reserve.length === 0 ? {} : { [RESERVED_PORTS_VARIABLE]: formatPortList(reserve) };
}

/** Whether portd has written this unit. */
export function isOwnUnit(text: string): boolean {
  return text.startsWith(MARK);
}

/** The words of the command line that a unit starts. @returns null when it has none that can be read. */
export function readCommand(text: string): string[] | null {
  const [, line] = /^ExecStart=(.*)$/m.exec(text) ?? [];
  return line === undefined ? null : parseCommand(line) ?? null;
}

/** Variables that Deno needs to find the modules that it has cached; a service has no home of its own. */
const DENO_VARIABLES = ["HOME", "DENO_DIR", "XDG_CACHE_HOME", "NPM_CONFIG_REGISTRY"];

/** The variables for the service: none for a program that is whole, for `deno run` what it reads from. */
export function serviceEnvironment(
  [, verb]: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  if (verb !== "run") return {};
  const set = DENO_VARIABLES.map((name) => [name, env[name]] as const);
  // Everybody can read a unit: no password goes into it.
  return Object.fromEntries(set.filter((entry): entry is [string, string] => !!entry[1] && !entry[1].includes("@")));
}
