import assert from "node:assert/strict";
import { makeRule, type Rule } from "../../src/firewall/rule.ts";
import { windowsSide } from "../../src/firewall/windows_side.ts";

const rule = (part: Partial<Rule> = {}) =>
  makeRule({
    direction: "in",
    protocol: "tcp",
    port: 25_565,
    profiles: ["domain", "private"],
    remote: ["LocalSubnet"],
    ...part,
  }, "it's $(calc)");

Deno.test("mirrored networking takes a rule of the Hyper-V firewall, without the name that a user has chosen", () => {
  const [note, ...others] = windowsSide({ version: 2, networking: "mirrored" }, [rule()]);
  assert.deepEqual(others, []);
  assert.equal(
    note,
    "portd-in-tcp-25565 takes a rule of the Hyper-V firewall too; in a PowerShell of an administrator on Windows: " +
      "New-NetFirewallHyperVRule -Name portd-in-tcp-25565 -DisplayName portd-in-tcp-25565 -Direction Inbound " +
      "-VMCreatorId '{40E0AC32-46A5-438A-A0B2-2B479E8F2E90}' -Protocol TCP -LocalPorts 25565 " +
      "-RemoteAddresses LocalSubnet -Action Allow",
  );
  const remote = ["10.0.0.0/8", "192.0.2.1/32"];
  const [udp] = windowsSide({ version: 2, networking: "mirrored" }, [rule({ protocol: "udp", remote })]);
  assert.match(udp!, /-Protocol UDP -LocalPorts 25565 -RemoteAddresses 10\.0\.0\.0\/8,192\.0\.2\.1\/32 -Action Allow$/);
});

Deno.test("NAT takes forwarding and a rule of Windows, and has no way for UDP", () => {
  const notes = windowsSide({ version: 2, networking: "nat" }, [rule({ remote: ["any"] }), rule({ protocol: "udp" })]);
  assert.match(
    notes[0]!,
    /: netsh interface portproxy add v4tov4 listenport=25565 connectport=25565 connectaddress=ADDRESS; New-NetFirewallRule /,
  );
  assert.match(notes[0]!, / -Protocol TCP -LocalPort 25565 -Action Allow$/);
  assert.match(notes[1]!, /Windows forwards no UDP: set networkingMode=mirrored/);
});

Deno.test("in WSL 1 only the firewall of Windows counts", () => {
  const [note] = windowsSide({ version: 1, networking: "shared" }, [rule()]);
  assert.match(
    note!,
    /^portd-in-tcp-25565 has no effect in WSL 1; .*: New-NetFirewallRule .* -RemoteAddress LocalSubnet/,
  );
});

Deno.test("without a rule for incoming connections one sentence says what Windows would have to allow", () => {
  const notes = (["shared", "mirrored", "nat"] as const).flatMap((networking) =>
    windowsSide({ version: networking === "shared" ? 1 : 2, networking }, [rule({ direction: "out" })])
  );
  assert.equal(notes.length, 3);
  assert.match(notes[1]!, /New-NetFirewallHyperVRule/);
});
