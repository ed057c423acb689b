/** Packets that a hostile or broken router might send. */
import type { Random } from "../random.ts";

const ENDS = [0, 1, 2, 127, 128, 129, 254, 255];

/** A packet that differs from a good one in a few bytes, or in its length. */
export function mutate(packet: Uint8Array, random: Random): Uint8Array {
  const length = random.chance(0.3) ? random.int(0, packet.length + 40) : packet.length;
  const bytes = new Uint8Array(length);
  bytes.set(packet.subarray(0, length));
  for (let changes = random.int(0, 4); changes > 0 && length > 0; changes--) {
    bytes[random.below(length)] = random.chance(0.5) ? random.pick(ENDS) : random.below(256);
  }
  return bytes;
}
