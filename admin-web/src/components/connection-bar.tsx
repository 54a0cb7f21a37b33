// "reconnecting, numbers are 8 s old": a thin bar while the stream is away. Nothing is shown while numbers are fresh.

import { age } from '../format/time.ts';
import { useLive, useNow } from '../live/live.ts';
import { staleness } from '../live/reducer.ts';

export function ConnectionBar() {
  const live = useLive();
  const stale = staleness(live, useNow());
  if (!stale) return null;
  return (
    <div className="figures border-warn/40 border-b bg-warn-ground px-4 py-0.5 text-center text-sm text-warn">
      {/* Said once to a screen reader; the age, which ticks, is only seen. */}
      <span role="status">Connection to the control plane lost, reconnecting.</span>{' '}
      <span aria-hidden="true">
        {live.heardAt === null ? 'No numbers yet.' : `Numbers are ${age(stale.ageMs)} old. Nodes keep serving.`}
      </span>
    </div>
  );
}
