// The nodes: what each runs, whether it acknowledged it, what is wanted of it, and the switch for that.

import { clsx } from 'clsx';
import type { Node } from '../api/types.ts';
import { CommandLine } from '../components/copy.tsx';
import { Empty, Panel, PanelError } from '../components/panel.tsx';
import { NodeStatusLabel, WantedStateLabel } from '../components/status.tsx';
import { type Column, DataTable } from '../components/table.tsx';
import { count, generation, micros, rate } from '../format/number.ts';
import { ago } from '../format/time.ts';
import { ChangeNotice, NodeSwitch, useNodeChange } from './node-change.tsx';
import { NodeDetail } from './node-detail.tsx';

interface Props {
  nodes: Node[] | undefined;
  error: unknown;
  onRetry: () => void;
  now: number;
  isStale: boolean;
  opened: string | undefined;
  onOpen: (node: string | undefined) => void;
}

export function Nodes({ nodes, error, onRetry, now, isStale, opened, onOpen }: Props) {
  const change = useNodeChange();
  const columns: Column<Node>[] = [
    { id: 'name', title: 'Name', cell: (node) => <NameCell node={node} />, className: 'min-w-32' },
    { id: 'status', title: 'Status', cell: (node) => <NodeStatusLabel status={node.status} /> },
    { id: 'wanted', title: 'Wanted', from: 'md', cell: (node) => <WantedStateLabel state={node.state} /> },
    {
      id: 'generation',
      title: 'Generation',
      numeric: true,
      from: 'md',
      cell: (node) => <span className="font-mono text-sm">{generation(node.generation)}</span>,
    },
    {
      id: 'ack',
      title: <abbr title="From receiving the generation to the last core's commit">Ack</abbr>,
      numeric: true,
      from: 'md',
      cell: (node) => <span title={coreTimes(node)}>{micros(node.ack_us)}</span>,
      className: 'whitespace-nowrap',
    },
    { id: 'workers', title: 'Workers', numeric: true, from: 'md', cell: (node) => <Workers node={node} /> },
    { id: 'rate', title: 'req/s', numeric: true, from: 'md', cell: (node) => rate(node.requests_per_second) },
    {
      id: 'address',
      title: 'Address',
      from: 'lg',
      cell: (node) => <span className="whitespace-nowrap font-mono text-sm">{node.address}</span>,
    },
    { id: 'version', title: 'Version', from: 'xl', cell: (node) => node.version },
    {
      id: 'seen',
      title: 'Last seen',
      from: 'xl',
      cell: (node) => <span className="figures whitespace-nowrap">{ago(node.last_seen_at, now)}</span>,
    },
    {
      id: 'switch',
      title: <span className="sr-only">Actions</span>,
      className: 'w-px text-right',
      cell: (node) => <NodeSwitch node={node} change={change} />,
    },
  ];
  const connected = nodes?.filter((node) => node.connection === 'connected').length;
  return (
    <Panel title="Nodes" note={nodes && nodes.length > 0 ? `${connected} of ${nodes.length} connected` : undefined}>
      <ChangeNotice change={change} />
      {error && !nodes ? (
        <PanelError error={error} onRetry={onRetry} />
      ) : (
        <div className={clsx(isStale && 'text-muted')}>
          <DataTable
            caption="Nodes of the cluster"
            columns={columns}
            rows={nodes}
            keyOf={(node) => node.name}
            opened={opened}
            onOpen={onOpen}
            detail={(node) => <NodeDetail node={node} now={now} />}
            empty={
              <Empty action={<CommandLine command="bascule dev examples/hello" />}>
                No nodes yet. A node appears here by itself once it connects with the cluster token.
              </Empty>
            }
          />
        </div>
      )}
    </Panel>
  );
}

function NameCell({ node }: { node: Node }) {
  return (
    <>
      <span className="break-all font-medium">{node.name}</span>
      <span className="figures block text-muted text-sm md:hidden">
        {node.state !== 'online' && `${node.state} · `}
        {generation(node.generation)} · {micros(node.ack_us)}
        <br />
        {node.workers.ready}/{node.workers.total} workers · {rate(node.requests_per_second)}/s
      </span>
    </>
  );
}

function Workers({ node: { workers } }: { node: Node }) {
  const isShort = workers.ready < workers.total;
  return (
    <span className={clsx(isShort && 'text-warn')} title={isShort ? 'Fewer workers are ready than wanted' : undefined}>
      {count(workers.ready)}/{count(workers.total)}
    </span>
  );
}

function coreTimes(node: Node): string {
  const cores = node.cores.map(
    (core) => `core ${core.core}: prepare ${micros(core.prepare_us)}, commit ${micros(core.commit_us)}`,
  );
  return cores.join('\n') || 'No acknowledgement yet';
}
