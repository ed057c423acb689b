/** The database of services, over calls of Windows that are imitated, with a GetLastError that is about another call. */
import assert from "node:assert/strict";
import type { Advapi32, Advapi32Services } from "../../src/os/windows/advapi32.ts";
import type { Kernel32 } from "../../src/os/windows/kernel32.ts";
import { WindowsFiles } from "../../src/service/windows/acl.ts";
import { WindowsServices } from "../../src/service/windows/services.ts";

const STOPPED = 1, START_PENDING = 2, STOP_PENDING = 3, RUNNING = 4;
const FILE_NOT_FOUND = 2;

/** A Windows with one service. */
class Calls {
  /** Whether there is a key and a service, and which states it has one after the other; the last one stays. */
  hasKey = true;
  isInstalled = true;
  states = [STOPPED];
  /** Whether a service may be opened, started, stopped and made. */
  mayOpen = true;
  obeys = true;
  mayMake = true;
  isElevated = 0;
  lastError = 0;
  /** Whether this Windows knows the settings. */
  settings = 1;

  open(): WindowsServices {
    const handle = Deno.UnsafePointer.create(4n), obey = () => Number(this.obeys);
    const services: Partial<Record<keyof Advapi32Services, unknown>> = {
      OpenSCManagerW: (_machine: null, _database: null, access: number) => access === 1 || this.mayMake ? handle : null,
      OpenServiceW: () => this.isInstalled && this.mayOpen ? handle : null,
      CloseServiceHandle: () => 1,
      StartServiceW: obey,
      ControlService: obey,
      QueryServiceConfig2W: () => this.settings,
      QueryServiceStatusEx: (_service: unknown, _level: number, numbers: Uint32Array) => {
        numbers[1] = this.states.length > 1 ? this.states.shift()! : this.states[0]!;
        return 1;
      },
    };
    const advapi32: Partial<Record<keyof Advapi32, unknown>> = {
      RegOpenKeyExW: () => this.hasKey ? 0 : FILE_NOT_FOUND,
      RegCloseKey: () => 0,
      OpenProcessToken: () => 1,
      GetTokenInformation: (_token: unknown, _information: number, bytes: Uint8Array) => {
        bytes[0] = this.isElevated;
        return 1;
      },
    };
    const kernel32: Partial<Record<keyof Kernel32, unknown>> = {
      GetLastError: () => this.lastError,
      CloseHandle: () => 1,
    };
    return new WindowsServices(services as never, { advapi32, kernel32 } as never);
  }
}

function windowsWith(members: Partial<Omit<Calls, "open">>): WindowsServices {
  return Object.assign(new Calls(), members).open();
}

Deno.test("a service is not installed when the registry has no key of it", () => {
  assert.equal(windowsWith({ isInstalled: false, hasKey: false }).status(), undefined);
  assert.throws(
    () => windowsWith({ mayOpen: false, lastError: 5 }).status(),
    /Cannot open the service: that takes an admin/,
  );
  const NO_SUCH_SERVICE = 1060;
  const isBeingRemoved = { isInstalled: false, lastError: NO_SUCH_SERVICE };
  assert.equal(windowsWith(isBeingRemoved).status(), undefined);
});

Deno.test("who may make no services is known by the token", () => {
  assert.equal(windowsWith({}).mayChange(), true);
  assert.equal(windowsWith({ mayMake: false }).mayChange(), false);
  assert.throws(
    () => windowsWith({ mayMake: false, isElevated: 1 }).mayChange(),
    /^WindowsError: Cannot open the list/,
  );
});

Deno.test("a start that Windows refuses is an error only where the service does not run", () => {
  windowsWith({ obeys: false, states: [RUNNING] }).start();
  assert.throws(
    () => windowsWith({ obeys: false, states: [STOPPED] }).start(),
    /^WindowsError: Cannot start the service/,
  );
});

Deno.test("a stop that Windows refuses is asked for again while the service starts", () => {
  assert.equal(windowsWith({ states: [RUNNING] }).stop(), true);
  const refused = (...states: number[]) => windowsWith({ obeys: false, states }).stop();
  assert.equal(refused(STOPPED), true);
  assert.equal(refused(RUNNING, STOP_PENDING), true);
  assert.equal(refused(START_PENDING, RUNNING), false);
  assert.equal(refused(START_PENDING), false);
  assert.throws(() => refused(RUNNING), /^WindowsError: Cannot stop the service/);
});

Deno.test("a setting that cannot be read is one that this Windows does not know", () => {
  assert.equal(windowsWith({}).known().size, 4);
  assert.equal(windowsWith({ settings: 0 }).known().size, 0);
});

Deno.test("a descriptor that does not fit is read again with the size that Windows says", () => {
  const sizes: number[] = [];
  const GetFileSecurityW = (_path: unknown, _what: number, bytes: Uint8Array, size: number, needed: Uint32Array) => {
    sizes.push(size);
    needed[0] = 1500;
    if (size < 1500) return 0;
    new DataView(bytes.buffer).setUint8(0, 1); // a revision, and no owner and no list
    return 1;
  };
  const parts = { services: { GetFileSecurityW }, kernel32: { GetLastError: () => 0 }, advapi32: {} };
  assert.equal(new WindowsFiles(parts as never).read("C:\\shop").owner, null);
  assert.deepEqual(sizes, [1024, 1500]);
  const refusing = { ...parts, services: { GetFileSecurityW: () => 0 } };
  assert.throws(
    () => new WindowsFiles(refusing as never).read("C:\\shop"),
    /^WindowsError: Cannot read who may change/,
  );
});
