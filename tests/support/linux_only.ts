/** Declares a test of what there is on Linux alone. */
export function linuxTest(name: string, run: () => void | Promise<void>): void {
  Deno.test(name, { ignore: Deno.build.os !== "linux" }, run);
}
