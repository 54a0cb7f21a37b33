// The last exchanges that failed, with what the service raised. The control plane keeps 500 in memory.

import { useQuery } from '@tanstack/react-query';
import { failuresQuery } from '../api/queries.ts';
import type { Failure } from '../api/types.ts';
import { Copyable } from '../components/copy.tsx';
import { Fact, Facts } from '../components/detail.tsx';
import { Empty, Panel, PanelError } from '../components/panel.tsx';
import { type Column, DataTable } from '../components/table.tsx';
import { clock } from '../format/time.ts';

interface Props {
  now: number;
  opened: string | undefined;
  onOpen: (cid: string | undefined) => void;
}

export function Failures({ now, opened, onOpen }: Props) {
  const failures = useQuery(failuresQuery);
  const columns: Column<Failure>[] = [
    {
      id: 'at',
      title: 'Time',
      cell: (failure) => <span className="figures whitespace-nowrap">{clock(failure.at, now)}</span>,
    },
    {
      id: 'service',
      title: 'Service',
      cell: (failure) => (
        <>
          <span className="break-all font-medium">{failure.service}</span>
          <span className="block break-all text-muted text-sm sm:hidden">{failure.kind}</span>
        </>
      ),
    },
    { id: 'status', title: 'Status', numeric: true, cell: (failure) => failure.status },
    {
      id: 'kind',
      title: 'Kind',
      from: 'sm',
      cell: (failure) => <span className="break-all">{failure.kind}</span>,
    },
    {
      id: 'cid',
      title: 'cid',
      from: 'md',
      cell: (failure) => (
        <span className="block truncate md:max-w-72 xl:max-w-44 2xl:max-w-72 font-mono text-sm" title={failure.cid}>
          {failure.cid}
        </span>
      ),
    },
  ];
  return (
    <Panel title="Recent failures" note={failures.data?.length ? `last ${failures.data.length}` : undefined}>
      {failures.error && !failures.data ? (
        <PanelError error={failures.error} onRetry={() => failures.refetch()} />
      ) : (
        <DataTable
          caption="Recent failed exchanges, newest first"
          columns={columns}
          rows={failures.data}
          keyOf={(failure) => failure.cid}
          opened={opened}
          onOpen={onOpen}
          detail={(failure) => <FailureDetail failure={failure} />}
          empty={<Empty>No exchange has failed since the control plane started.</Empty>}
        />
      )}
    </Panel>
  );
}

function FailureDetail({ failure }: { failure: Failure }) {
  return (
    <div className="flex flex-col gap-2">
      <Facts>
        <Fact name="cid">
          <Copyable text={failure.cid} label="cid" />
        </Fact>
        <Fact name="Node">{failure.node}</Fact>
        <Fact name="Channel">{failure.channel || 'none'}</Fact>
      </Facts>
      {failure.traceback ? (
        <pre
          // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by the keyboard.
          tabIndex={0}
          className="max-h-72 overflow-auto rounded-md border border-line bg-ground p-2 font-mono text-sm"
        >
          {failure.traceback}
        </pre>
      ) : (
        <p className="text-muted">No traceback: the service raised nothing, the exchange failed around it.</p>
      )}
    </div>
  );
}
