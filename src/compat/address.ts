/** Addresses of the portserver protocol as text. Pure. */

const PIPE = /^\\\\\.\\pipe\\[^\\\0]{1,200}$/, ABSTRACT = /^@[^\0\\/]{1,100}$/, PATH = /^\/[^\0]{1,106}$/;

/** What {@linkcode isStreamAddress} accepts, for messages. */
export const STREAM_ADDRESS_EXPECTED =
  'a path like "/run/portserver.sock", "@name" on Linux and Windows, or "\\\\.\\pipe\\name" on Windows';

/** Whether a text is an address of a Unix socket or a named pipe on this system, as far as its form tells. */
export function isStreamAddress(text: string, os: typeof Deno.build.os = Deno.build.os): boolean {
  if (os === "windows") return PIPE.test(text) || ABSTRACT.test(text);
  return os === "linux" && ABSTRACT.test(text) || PATH.test(text);
}
