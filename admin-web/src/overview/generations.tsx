// The last changes: who made what, and which node runs it since when.

import { useQuery } from '@tanstack/react-query';
import { generationsQuery } from '../api/queries.ts';
import type { Generation, GenerationNode } from '../api/types.ts';
import { Empty, Panel, PanelError } from '../components/panel.tsx';
import { AppliedLabel, appliedLook, Shape } from '../components/status.tsx';
import { type Column, DataTable } from '../components/table.tsx';
import { micros } from '../format/number.ts';
import { ago, clock } from '../format/time.ts';

interface Props {
  now: number;
  opened: number | undefined;
  onOpen: (generation: number | undefined) => void;
}

/** More shapes than this in a row say less than the number beside them. */
const SHAPES_MAX = 8;

export function Generations({ now, opened, onOpen }: Props) {
  const generations = useQuery(generationsQuery);
  const columns: Column<Generation>[] = [
    {
      id: 'number',
      title: 'Generation',
      cell: (generation) => <span className="font-mono text-sm">r{generation.number}</span>,
    },
    {
      id: 'summary',
      title: 'What',
      className: 'w-full',
      cell: (generation) => (
        <>
          <span className="break-words">{generation.summary}</span>
          <span className="figures block text-muted text-sm">
            {generation.who} · <span title={clock(generation.at, now)}>{ago(generation.at, now)}</span>
          </span>
        </>
      ),
    },
    {
      id: 'nodes',
      title: 'Acknowledged',
      numeric: true,
      cell: (generation) => <Acknowledged nodes={generation.nodes} />,
    },
  ];
  return (
    <Panel title="Recent generations">
      {generations.error && !generations.data ? (
        <PanelError error={generations.error} onRetry={() => generations.refetch()} />
      ) : (
        <DataTable
          caption="Recent generations, newest first"
          columns={columns}
          rows={generations.data}
          keyOf={(generation) => String(generation.number)}
          opened={opened === undefined ? undefined : String(opened)}
          onOpen={(key) => onOpen(key === undefined ? undefined : Number(key))}
          detail={(generation) => <GenerationDetail generation={generation} />}
          empty={<Empty>No generation yet. The first change makes r1.</Empty>}
        />
      )}
    </Panel>
  );
}

function Acknowledged({ nodes }: { nodes: GenerationNode[] }) {
  if (nodes.length === 0) return <span className="whitespace-nowrap text-muted">no node</span>;
  const applied = nodes.filter((node) => node.state === 'applied');
  // Acknowledgements older than the control plane's own start are known, their times are not.
  const times = applied.flatMap((node) => node.ack_us ?? []);
  return (
    <span className="figures inline-flex items-center gap-1.5 whitespace-nowrap">
      {nodes.length <= SHAPES_MAX && (
        <span aria-hidden="true" className="hidden items-center gap-1 sm:inline-flex">
          {nodes.map((node) => {
            const { mark, tone } = appliedLook(node.state);
            return <Shape key={node.node} mark={mark} tone={tone} />;
          })}
        </span>
      )}
      <span>
        {applied.length}/{nodes.length}
      </span>
      {times.length > 0 && <span className="text-muted">· {micros(Math.max(...times))}</span>}
    </span>
  );
}

function GenerationDetail({ generation }: { generation: Generation }) {
  if (generation.nodes.length === 0) return <p className="text-muted">No node was connected.</p>;
  return (
    <ul className="figures">
      {generation.nodes.map((node) => (
        <li key={node.node} className="flex flex-wrap items-baseline gap-x-4 py-0.5">
          <span className="w-32 break-all">{node.node}</span>
          <span className="w-24">
            <AppliedLabel state={node.state} />
          </span>
          <span className="w-16 text-right text-muted">{micros(node.ack_us)}</span>
          {node.refusals.map((refusal) => (
            <span key={`${refusal.object} ${refusal.field} ${refusal.core}`} className="w-full break-words text-bad">
              {refusal.object} · {refusal.field}: {refusal.reason}
            </span>
          ))}
        </li>
      ))}
    </ul>
  );
}
