/** Exposes many leases of the daemon at its usual address, and waits for the rules; for tests/os/open_test.ts. */
import { PortdClient } from "../../../src/client/client.ts";

const [how, count = "0"] = Deno.args;
const portd = new PortdClient({ token: Deno.env.get("PORTD_TOKEN")! });
const exposure = { firewall: { remote: ["any"] } };
const lifetime = { kind: "pinned" } as const;

switch (how) {
  case "one grant":
    await portd.grantAll({ count: Number(count), lifetime, exposure });
    break;
  case "one by one": {
    const leases = await portd.grantAll({ count: Number(count), lifetime });
    await Promise.all(leases.map(({ id }) => portd.expose(id, exposure)));
    break;
  }
  case "release": {
    const { leases } = await portd.list();
    await Promise.all(leases.map(({ id }) => portd.release(id)));
    break;
  }
  default:
    throw new Error(`Cannot do ${how}`);
}
await portd.syncFirewall();
