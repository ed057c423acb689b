/** A service that does nothing: what tests of the service control install in the place of portd. */
import { WindowsServiceControl } from "../../../src/service/windows/service_control.ts";

const ended = Promise.withResolvers<void>();
await new WindowsServiceControl().run(async ({ signal, ready }) => {
  signal.addEventListener("abort", () => ended.resolve());
  ready();
  await ended.promise;
});
