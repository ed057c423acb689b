/** `lease()` of the library against a daemon with the real API. */
import assert from "node:assert/strict";
import { NoDaemonError, PortdClient, PortdError } from "../../src/client/client.ts";
import { HeldLease, lease } from "../../src/library/lease.ts";
import { findProject } from "../../src/project/project.ts";
import { FakeClock } from "../support/clock.ts";
import { FakeDaemon } from "../support/fake_daemon.ts";
import { freePort } from "../support/sockets.ts";

/** The states of all leases that were ever granted. */
function statesOf(daemon: FakeDaemon): readonly string[] {
  return daemon.leases.map(({ state }) => state);
}

/** Resolves when the signal is aborted. */
function aborted(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    else signal.addEventListener("abort", () => resolve(signal.reason), { once: true });
  });
}

Deno.test("the lease is for this process and in the project of its folder, as portd lease has it", async () => {
  await using daemon = await FakeDaemon.open();
  await using web = await lease("web", { url: daemon.url });
  const { name, root } = findProject(Deno.cwd());
  assert.equal(web.name, `${name}/web`);
  const [granted] = daemon.leases;
  assert.equal(web.port, granted!.port);
  assert.deepEqual([granted!.lifetime.kind, granted!.holder.pid], ["process", Deno.pid]);
  assert.deepEqual([granted!.holder.id, granted!.holder.cwd], [`cli:${root}`, root]);
});

Deno.test("the end of the scope releases the lease, also when it is left by an error", async () => {
  await using daemon = await FakeDaemon.open();
  const use = async () => {
    await using _web = await lease("web", { url: daemon.url });
    assert.deepEqual(statesOf(daemon), ["granted"]);
    throw new RangeError("the server has failed");
  };
  await assert.rejects(use(), RangeError);
  assert.deepEqual(statesOf(daemon), ["released"]);
});

Deno.test("a lease without a name, or without a project, is possible", async () => {
  await using daemon = await FakeDaemon.open();
  await using any = await lease(null, { url: daemon.url });
  await using plain = await lease("db", { url: daemon.url, project: null });
  await using other = await lease("db", { url: daemon.url, project: "shop" });
  assert.deepEqual([any.name, plain.name, other.name], [null, "db", "shop/db"]);
});

Deno.test("what the API takes can be asked, and a refusal is a PortdError", async () => {
  await using daemon = await FakeDaemon.open();
  const labels = { "ci.job": "42" };
  await using dns = await lease("dns", { url: daemon.url, protocols: ["udp"], labels, lifetime: { kind: "pinned" } });
  assert.deepEqual([dns.lease.protocols, dns.lease.labels, dns.lease.lifetime.kind], [["udp"], labels, "pinned"]);
  await using web = await lease("web", { url: daemon.url });
  await assert.rejects(
    lease(null, { url: daemon.url, port: web.port }),
    (error) => error instanceof PortdError && error.code === "port_leased",
  );
});

Deno.test("where no daemon runs, the error says so", async () => {
  await assert.rejects(lease("web", { url: `http://127.0.0.1:${freePort()}` }), NoDaemonError);
});

Deno.test("release() twice is one release, and ended is then aborted", async () => {
  await using daemon = await FakeDaemon.open();
  const web = await lease("web", { url: daemon.url });
  assert.equal(web.ended.aborted, false);
  await Promise.all([web.release(), web.release()]);
  await web.release();
  assert.equal(daemon.asked("DELETE", "/v1/leases").length, 1);
  assert.equal((web.ended.reason as DOMException).name, "AbortError");
});

Deno.test("a release that failed can be tried again", async () => {
  await using daemon = await FakeDaemon.open();
  const web = await lease("web", { url: daemon.url });
  daemon.fault = ({ method }) => method === "DELETE" ? Response.json({ odd: true }, { status: 500 }) : undefined;
  await assert.rejects(web.release());
  assert.equal(web.ended.aborted, false);
  daemon.fault = () => undefined;
  await web.release();
  assert.deepEqual(statesOf(daemon), ["released"]);
});

Deno.test("an aborted signal releases the lease", async () => {
  await using daemon = await FakeDaemon.open();
  const abort = new AbortController();
  const web = await lease("web", { url: daemon.url, signal: abort.signal });
  abort.abort();
  await aborted(web.ended);
  assert.deepEqual(statesOf(daemon), ["released"]);
});

Deno.test("a signal that is aborted before is no request at all", async () => {
  await using daemon = await FakeDaemon.open();
  await assert.rejects(
    lease("web", { url: daemon.url, signal: AbortSignal.abort(new RangeError("late")) }),
    RangeError,
  );
  assert.equal(daemon.requests.length, 0);
});

Deno.test("a signal that is aborted during the request leaves no lease", async () => {
  await using daemon = await FakeDaemon.open();
  const abort = new AbortController();
  const answering = Promise.withResolvers<void>();
  daemon.fault = ({ method }, honestly) => {
    if (method !== "POST") return undefined;
    abort.abort(new RangeError("changed my mind"));
    return answering.promise.then(honestly);
  };
  const released = daemon.whenAsked("/v1/leases");
  await assert.rejects(lease("web", { url: daemon.url, signal: abort.signal }), RangeError);
  answering.resolve();
  await released;
  const [granted] = daemon.leases;
  await daemon.whenAsked(`/v1/leases/${granted!.id}`);
  assert.deepEqual(statesOf(daemon), ["released"]);
});

/** A clock that says when a timer is set. */
class WatchedClock extends FakeClock {
  #isSet = () => {};

  override after(ms: number, callback: () => void): () => void {
    this.#isSet();
    return super.after(ms, callback);
  }

  /** Resolves when the next timer is set. */
  whenSet(): Promise<void> {
    return new Promise((resolve) => this.#isSet = resolve);
  }
}

/** A lease of a minute with a clock that the test turns. */
async function leaseOfAMinute({ url }: FakeDaemon): Promise<{ readonly web: HeldLease; readonly clock: WatchedClock }> {
  const client = new PortdClient({ url }), clock = new WatchedClock();
  return { web: new HeldLease(client, await client.grant({ name: "web", ttlMs: 60_000 }), clock), clock };
}

Deno.test("a lease with a time is renewed at half of it, again and again", async () => {
  await using daemon = await FakeDaemon.open();
  const { web, clock } = await leaseOfAMinute(daemon);
  const renewals = () => daemon.asked("POST", `/v1/leases/${web.lease.id}/renew`).length;
  for (const count of [0, 1, 2]) {
    clock.advance(29_999);
    assert.equal(renewals(), count);
    const isSet = clock.whenSet();
    clock.advance(1);
    await isSet;
    assert.equal(renewals(), count + 1);
  }
  await web.release();
  clock.advance(60_000);
  assert.equal(renewals(), 3);
});

Deno.test("a renewal that fails for another reason than the lease's end is tried again until its time is over", async () => {
  await using daemon = await FakeDaemon.open();
  const { web, clock } = await leaseOfAMinute(daemon);
  daemon.fault = ({ path }) => path.endsWith("/renew") ? Response.json({ odd: true }, { status: 500 }) : undefined;
  const ended = aborted(web.ended);
  for (const pauseMs of [30_000, 7500, 5625]) {
    assert.equal(web.ended.aborted, false);
    const isSet = clock.whenSet();
    clock.advance(pauseMs);
    await isSet;
  }
  clock.advance(30_000);
  assert.ok(await ended instanceof NoDaemonError);
});

Deno.test("ended is aborted with the refusal when the daemon has ended a lease with a time", async () => {
  await using daemon = await FakeDaemon.open();
  const { web, clock } = await leaseOfAMinute(daemon);
  await daemon.end(web.lease.id, "revoked");
  clock.advance(30_000);
  const reason = await aborted(web.ended);
  assert.ok(reason instanceof PortdError && reason.code === "lease_ended", String(reason));
});
