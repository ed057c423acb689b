/** The text at an address, up to a NUL, as Windows reads it. */
export function readWide(address: bigint): string {
  const view = new Deno.UnsafePointerView(Deno.UnsafePointer.create(address)!);
  let text = "";
  for (let at = 0; view.getUint16(at) !== 0; at += 2) text += String.fromCharCode(view.getUint16(at));
  return text;
}
