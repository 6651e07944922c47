// Randomness that can be had again: SEED=… repeats a run.

export const SEED = Number(process.env.SEED ?? (Date.now() % 1_000_000_007));

/** random returns a generator of numbers in [0, 1) (mulberry32) for one purpose. */
export function random(seed = SEED) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  next.int = (below) => Math.floor(next() * below);
  next.of = (list) => list[next.int(list.length)];
  return next;
}
