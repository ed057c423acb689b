/** The bytes of a text of hexadecimal digits; blanks and line ends are passed over. */
export function bytesOfHex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text.replaceAll(/\s/g, "").match(/../g) ?? [], (digits) => parseInt(digits, 16));
}

/** The bytes of a file of tests/testdata that is written so. */
export async function readHex(name: string): Promise<Uint8Array<ArrayBuffer>> {
  return bytesOfHex(await Deno.readTextFile(new URL(`../testdata/${name}`, import.meta.url)));
}
