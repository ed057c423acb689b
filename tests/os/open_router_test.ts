/** `portd open --router` and `close` as a user runs them: behind a real router, with packets from the internet. */
import assert from "node:assert/strict";
import { HostedPortd } from "../support/os/hosted_portd.ts";
import { ADDRESSES, Lab, LAB_NEEDS } from "../support/os/lab.ts";
import { osTest } from "../support/os/requirement.ts";
import { retryUntil } from "../../src/wait.ts";

const PORT = 25565;
const { lan1, outside } = ADDRESSES;

osTest(
  "portd open --router opens firewall, router and pinhole to the internet, and portd close all of them",
  LAB_NEEDS,
  async () => {
    await using lab = await Lab.open();
    await lab.router.start();
    await lab.lan1.dropByDefault();
    await using _service = await lab.lan1.serve(PORT);
    await using portd = await HostedPortd.on(lab.lan1);
    assert.deepEqual(await lab.internet.reach(outside.ipv4, PORT), []);

    const said = await portd.run("open", `${PORT}`, "--both", "--router", "--ipv6", "--yes", "--timeout", "60s");
    const addresses = said.split("\n").filter((line) => /^[\d.[][^ ]*$/.test(line));
    assert.deepEqual(addresses, [`${outside.ipv4}:${PORT}`, `[${lan1.ipv6}]:${PORT}`], said);
    await lab.internet.untilReached(outside.ipv4, PORT);
    await lab.internet.untilReached(lan1.ipv6, PORT);
    assert.match(
      await portd.run("gateway", "list"),
      /^\S+ +11\.22\.44\.2:25565\/tcp +10\.77\.0\.11:25565 +PCP +set +-$/m,
    );

    const closed = await portd.outcome("close", `${PORT}`, "--timeout", "60s");
    assert.match(closed.said, /^removed 11\.22\.44\.2:25565\/tcp at the router$/m);
    assert.match(closed.said, /^removed the rule portd-in-tcp-25565 from the firewall \(nftables\)$/m);
    await lab.internet.untilGone(outside.ipv4, PORT);
    await lab.internet.untilGone(lan1.ipv6, PORT);
    // miniupnpd may end a pinhole some seconds after its deletion, when the host's firewall is closed already.
    const isEmpty = async () => (await lab.router.table()).length === 0;
    assert.ok(await retryUntil(isEmpty, { pauseMs: 1000, limitMs: 180_000 }), JSON.stringify(await lab.router.table()));
  },
);

osTest(
  "portd open --router prints no address that does not work: another port, double NAT, no router",
  LAB_NEEDS,
  async () => {
    await using lab = await Lab.open();
    await lab.router.start({ settings: [`deny ${PORT} 0.0.0.0/0 0-65535`] });
    await using _service = await lab.lan1.serve(PORT);
    await using portd = await HostedPortd.on(lab.lan1);
    const open = (...flags: readonly string[]) =>
      portd.outcome("open", `${PORT}`, "--router", "--yes", "--timeout", "60s", ...flags);

    const other = await open("--external", `${PORT}`);
    assert.equal(other.code, 1, other.said);
    assert.doesNotMatch(other.said, /^11\.22\.44\.2/m);
    assert.match(other.said, /^failed: port 25565\/tcp\+udp is not open: /m);

    await lab.nat("double");
    await lab.router.start({ externalAddress: null });
    const double = await open();
    assert.equal(double.code, 1, double.said);
    assert.match(double.said, /^failed: .*\n {2}next: /m);
    assert.doesNotMatch(double.said, /^\d+\.\d+\.\d+\.\d+:\d+$/m);

    await lab.router.fallSilent();
    await portd.outcome("close", `${PORT}`, "--timeout", "10s");
    const silent = await open();
    assert.equal(silent.code, 1, silent.said);
    assert.match(silent.said, /10\.77\.0\.11/, "the router sheet has the address of this host");
  },
);
