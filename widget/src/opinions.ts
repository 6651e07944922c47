// What visitors think of answers is kept on the device until the server took
// or refused it. Each opinion replaces all of the earlier one, so repeating it
// does no harm.

import type { Failure } from './http.ts';
import type { Session } from './session.ts';
import { pause } from './stream.ts';

export type Opinion = { rating: string; comment?: string | undefined };

/** Deliver resolves to whether it was taken, or to undefined if another took its place; waits is called when it can't be sent now. */
export type Deliver = (id: string, opinion: Opinion, waits: () => void) => Promise<boolean | undefined>;

export const opinions = (session: Session, post: (id: string, opinion: Opinion) => Promise<unknown>, signal: AbortSignal): Deliver => {
  const turns: Record<string, Promise<boolean | undefined>> = {};
  const keep = (id: string, opinion?: Opinion) => session.keep({ opinions: { ...session.memory.opinions, [id]: opinion } });
  return (id, opinion, waits) => {
    keep(id, opinion);
    const current = () => !signal.aborted && turns[id] === turn;
    const turn: Promise<boolean | undefined> = Promise.resolve(turns[id]).then(async () => {
      for (let tries = 0; current(); tries++) {
        let refused: Failure | undefined;
        await post(id, opinion).catch((error) => (refused = error));
        if (!current()) break;
        const { status = 200, after = 0 } = refused ?? {};
        if (status && status !== 429 && status < 500) {
          keep(id);
          return !refused;
        }
        waits();
        await pause(after * 1000 || 1000 * 2 ** Math.min(tries, 6), signal);
      }
      return undefined;
    });
    return (turns[id] = turn);
  };
};
