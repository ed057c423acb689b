/**
 * What `portd check` says, against the truth: on a host whose firewall drops, behind a real router, with a service that
 * a host on the internet reaches or does not, and our own checker there.
 */
import assert from "node:assert/strict";
import type { Protocol } from "../../src/port/port.ts";
import { programFromSource } from "../support/os/installation.ts";
import { HostedPortd } from "../support/os/hosted_portd.ts";
import { ADDRESSES, Lab, LAB_NEEDS } from "../support/os/lab.ts";
import type { LabProgram } from "../support/os/lab/program.ts";
import type { RouterProtocol } from "../support/os/lab/router.ts";
import type { Layer, ReachReport } from "../../src/reach/reach.ts";
import { osTest } from "../support/os/requirement.ts";

const PORT = 25565;
const { lan1, outside, internet } = ADDRESSES;
const [INTERNET] = internet.ipv4;
const CHECKER = `http://${INTERNET}:7679`;
/** 25565 is of PSID 61 alone. */
const OTHER_PSID = 17;
const PROTOCOLS = ["tcp", "udp"] as const;
/** Another address of the host. */
const OTHER_IPV6 = "2400:db80:77::99";

/** A game server at home that is open by firewall and router. */
class Home implements AsyncDisposable {
  readonly lab: Lab;
  readonly portd: HostedPortd;
  #service: LabProgram | undefined;

  private constructor(lab: Lab, portd: HostedPortd) {
    this.lab = lab;
    this.portd = portd;
  }

  static async open(speaks: readonly RouterProtocol[] = ["upnp"]): Promise<Home> {
    await using parts = new AsyncDisposableStack();
    const lab = parts.use(await Lab.open());
    await lab.router.start({ speaks });
    await lab.lan1.dropByDefault();
    const portd = parts.use(
      await HostedPortd.on(lab.lan1, {
        PORTD_FIREWALL_BACKEND: "nftables",
        PORTD_FIREWALL_DRIFT: "report", // what the test breaks stays broken
        PORTD_STUN: `${INTERNET}:3478`,
      }),
    );
    const home = new Home(lab, portd);
    await portd.run("lease", "game", "--port", `${PORT}`, "--both", "--pin");
    await home.serve();
    await home.openGame();
    parts.move();
    return home;
  }

  /** Starts the game server; one that runs is ended before. */
  async serve(address?: string): Promise<void> {
    await this.stop();
    this.#service = await this.lab.lan1.serve(PORT, address === undefined ? {} : { address });
  }

  async openGame(): Promise<void> {
    await this.portd.run("open", "game", "--router", "--external", `${PORT}`, "--timeout", "2m");
  }

  async stop(): Promise<void> {
    await this.#service?.[Symbol.asyncDispose]();
    this.#service = undefined;
  }

  /** In which protocols a host on the internet reaches the server. */
  async truth(): Promise<readonly Protocol[]> {
    return await this.lab.internet.reach(outside.ipv4, PORT);
  }

  async check(...flags: readonly string[]): Promise<{ readonly code: number; readonly report: ReachReport }> {
    return await this.checkVia(CHECKER, ...flags);
  }

  /** A checker of its own for each check: it limits how often it is asked. */
  async checkVia(
    url: string,
    ...flags: readonly string[]
  ): Promise<{ readonly code: number; readonly report: ReachReport }> {
    const words = [...await programFromSource(), "checker"];
    await using checker = this.lab.internet.start(words);
    await checker.said((line) => line.includes(":7679"));
    const { code, said } = await this.portd.outcome("check", "game", "--via", url, "--json", ...flags);
    return { code, report: JSON.parse(said.split("\n", 1)[0]!) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.portd[Symbol.asyncDispose]();
    await this.lab[Symbol.asyncDispose]();
  }
}

/** The layers that fail, without the outside. */
function failing({ layers }: ReachReport): readonly Layer[] {
  return layers.filter(({ layer, result }) => result === "fail" && layer !== "outside").map(({ layer }) => layer);
}

function resultOf({ layers }: ReachReport, layer: Layer): string | undefined {
  return layers.find((each) => each.layer === layer)?.result;
}

/** The server is reached, and the check says so; for UDP portd listens in its place. */
async function expectOpen(home: Home): Promise<void> {
  await home.lab.internet.untilReached(outside.ipv4, PORT);
  const tcp = await home.check();
  assert.deepEqual([tcp.code, tcp.report.verdict, failing(tcp.report)], [0, "open", []], JSON.stringify(tcp.report));
  await home.stop();
  for (const protocol of PROTOCOLS) {
    const { code, report } = await home.check("--listen", ...protocol === "udp" ? ["--udp"] : []);
    const shown = JSON.stringify(report);
    assert.deepEqual([code, report.verdict, failing(report), report.protocol], [0, "open", [], protocol], shown);
    assert.deepEqual(report.external, { address: outside.ipv4, port: PORT }, shown);
    assert.match(report.layers.at(-1)!.reason, /portd's listener here answered/);
  }
  await home.serve();
}

/** The server is not reached, and the check names this layer alone, for TCP and for UDP. */
async function expectBroken(
  home: Home,
  layer: Layer,
  { listens = true }: { readonly listens?: boolean } = {},
): Promise<void> {
  assert.deepEqual(await home.truth(), [], layer);
  if (listens) await home.stop();
  for (const protocol of PROTOCOLS) {
    const flags = [...listens ? ["--listen"] : [], ...protocol === "udp" ? ["--udp"] : []];
    const { code, report } = await home.check(...flags);
    const shown = JSON.stringify(report);
    assert.deepEqual([code, report.verdict, report.broken, failing(report)], [1, "closed", layer, [layer]], shown);
    // Without a listener of ours a UDP port is not asked for: nothing would be proven.
    const isAsked = listens || protocol === "tcp";
    assert.equal(resultOf(report, "outside"), isAsked ? "fail" : "unknown", shown);
    assert.ok(report.layers.find((each) => each.layer === layer)!.next, shown);
  }
  if (listens) await home.serve();
}

osTest("portd check names the one layer that is broken, and its checker agrees with the truth", LAB_NEEDS, async () => {
  await using home = await Home.open();
  const { lab, portd } = home;
  await expectOpen(home);

  await home.stop();
  await expectBroken(home, "listener", { listens: false });

  await home.serve("127.0.0.1");
  await expectBroken(home, "bind", { listens: false });
  await home.serve();

  await lab.lan1.dropByDefault(); // without portd's rule
  await expectBroken(home, "rule");
  await portd.run("close", "game", "--timeout", "2m");
  await home.openGame();
  await expectOpen(home);

  await using _stun = await lab.startStunServer();
  await lab.nat("mape48", OTHER_PSID);
  await portd.run("line", "--stun");
  await expectBroken(home, "line");
  await lab.nat("plain");
  await portd.run("line", "--stun");
  await portd.run("gateway", "sync");
  await expectOpen(home);

  await lab.router.kill(); // a router that is off
  await lab.router.flush();
  await expectBroken(home, "gateway");

  // The router is back, has forgotten everything, and maps nothing more for this host.
  await lab.router.start({ speaks: ["upnp"], settings: [`deny 0-65535 ${lan1.ipv4}/32 0-65535`] });
  await expectBroken(home, "mapping");

  await lab.router.start({ speaks: ["upnp"] });
  await portd.run("gateway", "sync");
  await expectOpen(home);

  // The address changes. The mapper follows by itself: where it was quicker than the check, the address changes again.
  for (let host = 50, isSeen = false; !isSeen; host++) {
    assert.ok(host < 60, "the mapper was quicker than the check each time");
    await lab.lan1.changeAddress(`10.77.0.${host}`);
    const { report } = await home.check();
    isSeen = report.broken === "lan";
    if (isSeen) {
      assert.deepEqual([failing(report), resultOf(report, "outside")], [["lan"], "fail"], JSON.stringify(report));
    } else assert.equal(report.verdict, "open", JSON.stringify(report));
  }
});

osTest(
  "portd check by IPv6 asks from the very address that is to be reached, also where that is not the usual one",
  LAB_NEEDS,
  async () => {
    await using home = await Home.open(["pcp", "nat-pmp", "upnp"]);
    const { lab, portd } = home;
    await portd.run("open", "game", "--router", "--external", `${PORT}`, "--ipv6", "--timeout", "2m");
    await lab.internet.untilReached(lan1.ipv6, PORT);
    // From now on the host itself asks from another address, for which there is no pinhole.
    await lab.lan1.run(["ip", "address", "add", OTHER_IPV6 + "/64", "dev", "eth0", "nodad"]);
    await lab.lan1.run(["ip", "-6", "route", "replace", "default", "via", "fe80::1", "dev", "eth0", "src", OTHER_IPV6]);
    const via = `http://[${internet.ipv6[0]}]:7679`;
    const tcp = await home.checkVia(via, "--ipv6");
    const shown = JSON.stringify(tcp.report);
    assert.deepEqual([tcp.code, tcp.report.verdict, tcp.report.external], [0, "open", {
      address: lan1.ipv6,
      port: PORT,
    }], shown);
    await home.stop();
    const udp = await home.checkVia(via, "--ipv6", "--udp", "--listen");
    assert.deepEqual([udp.code, udp.report.verdict], [0, "open"], JSON.stringify(udp.report));
    await lab.lan1.dropByDefault(); // without portd's rule
    const closed = await home.checkVia(via, "--ipv6", "--listen");
    assert.deepEqual([closed.code, closed.report.broken], [1, "rule"], JSON.stringify(closed.report));
  },
);
